"""Segment conditions: the questions that a rule can ask about a customer. Each app registers its own in `extensions`.

A condition turns the values of one leaf of a rule into SQL over three aliases: `f` is the feature row, `c` the
customer. `k.inside` holds the ids of the segments that the customer is in, or NULL for none. Conditions over facts must
use the form `f.customer_id IN (SELECT ...)`, so that all segments can be computed in one pass. They put `{scope}` where
the facts can be limited to some customers. See docs/how-to/add-a-condition.md.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from core.base.errors import Invalid
from core.base.registry import Registry
from core.base.zones import shop_midnight
from core.fields import NO_VALUE, Choices, Errors, Field
from core.fields import clean as clean_fields


@dataclass(frozen=True)
class Sql:
    """A boolean expression with its parameters in order."""

    text: str
    params: tuple[Any, ...] = ()


@dataclass(frozen=True)
class SegmentCondition:
    """A condition of segment rules. `operators`: code -> label. `value`: SQL over f, c and k for a customer's value
    (S3).

    `time_based`: true when the result can change only because time passes.
    `query`: the forms of each comparison in the text of a rule, as patterns of `rules/query.py`; the first one is
    printed. A comparison without a pattern is written as name, comparison and values; see
    `analytics/conditions/services/query.py`.
    """

    name: str
    label: str | Promise
    group: str | Promise
    operators: dict[str, str | Promise]
    inputs: Callable[[str], Sequence[Field]]
    sql: Callable[[str, dict[str, Any]], Sql]
    value: str
    time_based: bool = False
    phrase: Callable[[str, dict[str, Any]], str] | None = None
    query: Mapping[str, str | Sequence[str]] | None = None


CONDITIONS: Registry[SegmentCondition] = Registry("segment condition")
NUMBER_OPERATORS: dict[str, str | Promise] = {
    "gte": _("is at least"),
    "lte": _("is at most"),
    "eq": _("is exactly"),
    "ne": _("is not"),
    "between": _("is between"),
}
DATE_OPERATORS: dict[str, str | Promise] = {
    "within": _("is within the last … days"),
    "before": _("is more than … days ago"),
    "between_days": _("is between … and … days ago"),
    "after_date": _("is on or after"),
    "before_date": _("is before"),
    "between_dates": _("is from … to …"),
    "ever": _("has happened"),
    "never": _("has never happened"),
}
CHOICE_OPERATORS: dict[str, str | Promise] = {"in": _("is one of"), "not_in": _("is none of")}
HAS_OPERATORS: dict[str, str | Promise] = {"has": _("has"), "has_not": _("has not")}
YES_NO: dict[str, str | Promise] = {"yes": _("yes"), "no": _("no")}
FILTER_SIGNS: dict[str, str | Promise] = {
    "eq": _("is"),
    "ne": _("is not"),
    "gte": _("is at least"),
    "lte": _("is at most"),
}
MAX_FILTERS = 5
ERRORS: Errors = {"too_long": ("invalid", _("Use at most %(most)s characters."))}
PLAIN_NUMBER = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,6})?")


def clean(condition: SegmentCondition, operator: str, values: dict[str, Any], where: str) -> dict[str, Any]:
    """Return the values of one leaf in canonical form. Raises Invalid that names the place in the tree."""
    if operator not in condition.operators:
        raise Invalid(_("This condition has no such comparison."), code="unknown_operator", field=f"{where}.operator")
    fields = condition.inputs(operator)
    unknown = set(values) - {field.name for field in fields}
    if unknown:
        raise Invalid(_("Unknown value."), code="unknown_value", field=f"{where}.{sorted(unknown)[0]}")
    cleaned = clean_fields(fields, values, path=where, errors=ERRORS)
    return {name: value for name, value in cleaned.items() if value not in NO_VALUE}


def filters_sql(column: str, filters: Sequence[Mapping[str, str]]) -> Sql:
    """Return the SQL of `where` filters on a JSON column; it is empty without filters.

    A row without the property does not match.

    Numbers are compared as numbers, even when they were sent as text.
    """
    parts, params = [], []
    for part in filters:
        sign = {"eq": "=", "ne": "<>", "gte": ">=", "lte": "<="}[part["sign"]]
        if PLAIN_NUMBER.fullmatch(part["value"]):
            other = "true" if sign == "<>" else "false"
            parts.append(
                f"""CASE WHEN {column} ->> %s ~ '^-?[0-9]+([.][0-9]+)?$'
                    THEN ({column} ->> %s)::numeric {sign} %s::numeric
                     ELSE {column} ->> %s IS NOT NULL AND {other} END"""
            )
            params += [part["property"], part["property"], part["value"], part["property"]]
        else:
            parts.append(f"coalesce(lower({column} ->> %s) {sign} lower(%s), false)")
            params += [part["property"], part["value"]]
    return Sql("".join(f" AND {part}" for part in parts), tuple(params))


def number(
    name: str,
    label: str | Promise,
    group: str | Promise,
    expression: str,
    *,
    kind: str = "number",
    time_based: bool = False,
) -> SegmentCondition:
    """Build a condition on one whole-number expression."""

    def inputs(operator: str) -> Sequence[Field]:
        if operator == "between":
            return [
                Field("low", kind, pgettext_lazy("range", "from")),
                Field("high", kind, pgettext_lazy("range", "to")),
            ]
        return [Field("value", kind, _("value"))]

    def sql(operator: str, values: dict[str, Any]) -> Sql:
        if operator == "between":
            return Sql(f"({expression} BETWEEN %s AND %s)", (values["low"], values["high"]))
        sign = {"gte": ">=", "lte": "<=", "eq": "=", "ne": "<>"}[operator]
        return Sql(f"({expression} {sign} %s)", (values["value"],))

    query = {
        "gte": f"{name} >= {{value}}",
        "lte": f"{name} <= {{value}}",
        "eq": f"{name} = {{value}}",
        "ne": f"{name} != {{value}}",
        "between": f"{name} between {{low}} and {{high}}",
    }
    return SegmentCondition(name, label, group, NUMBER_OPERATORS, inputs, sql, expression, time_based, query=query)


def moment(name: str, label: str | Promise, group: str | Promise, expression: str) -> SegmentCondition:
    """Build a condition on one timestamp expression, relative to now or absolute."""

    def inputs(operator: str) -> Sequence[Field]:
        if operator in {"within", "before"}:
            return [Field("days", "days", _("days"))]
        if operator == "between_days":
            return [
                Field("low", "days", pgettext_lazy("range", "from")),
                Field("high", "days", pgettext_lazy("range", "to")),
            ]
        if operator == "between_dates":
            return [
                Field("since", "date", pgettext_lazy("range", "from")),
                Field("until", "date", pgettext_lazy("range", "to")),
            ]
        return [] if operator in {"ever", "never"} else [Field("date", "date", _("date"))]

    def sql(operator: str, values: dict[str, Any]) -> Sql:
        if operator in {"ever", "never"}:
            return Sql(f"({expression} IS {'NOT ' if operator == 'ever' else ''}NULL)")
        if operator == "between_days":
            text = (
                f"{expression} > now() - make_interval(days => %s) "
                f"AND {expression} <= now() - make_interval(days => %s)"
            )
            return Sql(f"coalesce({text}, false)", (values["high"], values["low"]))
        if operator == "between_dates":
            text = f"{expression} >= %s AND {expression} < %s"
            return Sql(f"coalesce({text}, false)", day_bounds(values["since"], values["until"]))
        if operator == "within":
            return Sql(f"coalesce({expression} > now() - make_interval(days => %s), false)", (values["days"],))
        if operator == "before":
            return Sql(f"coalesce({expression} <= now() - make_interval(days => %s), false)", (values["days"],))
        sign = ">=" if operator == "after_date" else "<"
        return Sql(f"coalesce({expression} {sign} %s, false)", day_bounds(values["date"], values["date"])[:1])

    query = {
        "within": f"{name} within {{days}} days|day",
        "before": f"{name} over {{days}} days|day ago",
        "between_days": f"{name} between {{low}} and {{high}} days ago",
        "after_date": f"{name} since {{date}}",
        "before_date": f"{name} before {{date}}",
        "between_dates": f"{name} from {{since}} to {{until}}",
        "ever": f"{name} ever",
        "never": f"{name} never",
    }
    return SegmentCondition(name, label, group, DATE_OPERATORS, inputs, sql, expression, time_based=True, query=query)


def choice(
    name: str, label: str | Promise, group: str | Promise, expression: str, choices: Callable[[], Choices]
) -> SegmentCondition:
    """Build a condition on one text or number with known values."""

    def inputs(operator: str) -> Sequence[Field]:
        return [Field("values", "choices", _("values"), choices=choices)]

    def sql(operator: str, values: dict[str, Any]) -> Sql:
        positive = f"(({expression})::text = ANY(%s))"
        return Sql(positive if operator == "in" else f"(NOT {positive})", (values["values"],))

    query = {
        "in": (f"{name} in {{values}}", f"{name} = {{values}}", f"{name} is {{values}}"),
        "not_in": (f"{name} not in {{values}}", f"{name} != {{values}}", f"{name} is not {{values}}"),
    }
    return SegmentCondition(name, label, group, CHOICE_OPERATORS, inputs, sql, f"({expression})::text", query=query)


def flag(name: str, label: str | Promise, group: str | Promise, expression: str) -> SegmentCondition:
    return SegmentCondition(
        name,
        label,
        group,
        YES_NO,
        lambda operator: [],
        lambda operator, values: Sql(f"({expression})" if operator == "yes" else f"(NOT ({expression}))"),
        expression,
        query={"yes": f"{name} yes", "no": f"{name} no"},
    )


def member_of(
    name: str,
    label: str | Promise,
    group: str | Promise,
    select: str,
    choices: Callable[[], Choices],
    value: str,
) -> SegmentCondition:
    """Build a "has any of" condition: `select` yields customer ids and takes the chosen values as its one parameter."""

    def sql(operator: str, values: dict[str, Any]) -> Sql:
        text = f"(f.customer_id IN ({select}))"
        return Sql(text if operator == "has" else f"(NOT {text})", (values["values"],))

    written = {"has": f"{name} has {{values}}", "has_not": (f"{name} has_not {{values}}", f"{name} has not {{values}}")}
    return SegmentCondition(
        name,
        label,
        group,
        HAS_OPERATORS,
        lambda operator: [Field("values", "choices", _("values"), choices=choices)],
        sql,
        value,
        query=written,
    )


def day_bounds(first: str, last: str) -> tuple[datetime, datetime]:
    """Return the beginning of the first day and the end of the last day, in the shop's time zone."""
    since, until = date.fromisoformat(first), date.fromisoformat(last)
    return shop_midnight(since), shop_midnight(until + timedelta(days=1))


def days_ahead(days: int, today: date) -> list[tuple[int, int]]:
    """Return (month, day) of today and the following days, for yearly dates."""
    return [
        ((today + timedelta(days=offset)).month, (today + timedelta(days=offset)).day) for offset in range(days + 1)
    ]


__all__ = ["CONDITIONS", "SegmentCondition", "Sql", "choice", "clean", "flag", "member_of", "moment", "number"]
