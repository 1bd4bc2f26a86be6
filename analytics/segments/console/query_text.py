"""View model of a rule's text: errors in words with their place, and a manual of all conditions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from analytics.conditions.registry import CONDITIONS
from analytics.conditions.rules.query_tokens import WrongQuery
from analytics.conditions.services.query import patterns_of, pointed
from analytics.conditions.services.query_messages import message_of

KINDS = {
    "<condition>": _("a condition"),
    "<number>": _("a number"),
    "<date>": _("a date such as 2026-01-31"),
    "<text>": _("a value"),
    "<property>": _("the name of a property"),
    "<sign>": _("a comparison such as >="),
}
SHOWN = 12


@dataclass(frozen=True)
class Wrong:
    """An error in the text of a rule. `before`, `token` and `after` are the line with the error."""

    line: int
    column: int
    before: str
    token: str
    after: str
    message: str
    expected: str
    near: Sequence[str]


def said(text: str, error: WrongQuery) -> Wrong:
    before, token, after = pointed(text, error)
    expected = _t(", ").join(str(KINDS.get(word, word)) for word in error.expected[:SHOWN])
    if len(error.expected) > SHOWN:
        expected += " …"
    return Wrong(error.line, error.column, before, token, after, message_of(error), expected, error.near)


@dataclass(frozen=True)
class Manual:
    """One condition and the ways to write it."""

    label: str
    patterns: Sequence[str]


def manual() -> list[tuple[str, list[Manual]]]:
    """Return every condition by group, with its forms."""
    groups: dict[str, list[Manual]] = {}
    for condition in CONDITIONS:
        patterns = [patterns_of(condition, operator)[0] for operator in condition.operators]
        shown = [
            pattern.replace("{", "<").replace("}", ">").replace("|day", "").replace("|time", "") for pattern in patterns
        ]
        groups.setdefault(str(condition.group), []).append(Manual(str(condition.label), shown))
    return list(groups.items())
