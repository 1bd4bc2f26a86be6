"""Shared parts of "at least n times" conditions with a time window: the last days, or between two dates."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from analytics.conditions.registry import Sql, day_bounds
from core.fields import Field

# Comparisons that hold for customers below the given number of times.
NEGATED = frozenset({"has_not", "has_not_between"})


def window_inputs(operator: str, days: int) -> list[Field]:
    times = Field("times", "number", _("at least this many times"), default=1, least=1)
    if operator in NEGATED:
        times = Field("times", "number", _("fewer times than"), default=1, least=1)
    if operator.endswith("between"):
        return [
            times,
            Field("since", "date", pgettext_lazy("range", "from")),
            Field("until", "date", pgettext_lazy("range", "to")),
        ]
    return [times, Field("days", "days", _("in the last days"), default=days, least=1)]


def window_sql(column: str, operator: str, values: dict[str, Any]) -> Sql:
    """Return the SQL of the window. The last day of two dates is included."""
    if operator.endswith("between"):
        return Sql(f"{column} >= %s AND {column} < %s", day_bounds(values["since"], values["until"]))
    return Sql(f"{column} > now() - make_interval(days => %s)", (values["days"],))


def window_query(word: str, what: str, more: str = "") -> dict[str, str]:
    """Return the query patterns: did review at least 2 times in 90 days; did review fewer than 2 times from 2026-01-01
    to 2026-01-31.
    """
    enough, fewer = "[at least {times} times|time]", "fewer than {times} times|time"
    last, dates = "[in {days} days|day]", "from {since} to {until}"
    return {
        "has": f"{word} {what} {enough} {last}{more}",
        "has_not": f"{word} {what} {fewer} {last}{more}",
        "has_between": f"{word} {what} {enough} {dates}{more}",
        "has_not_between": f"{word} {what} {fewer} {dates}{more}",
    }
