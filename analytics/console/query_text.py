"""A rule's text in the console: what is wrong with it in words, at its place, and what can be written at all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from analytics.conditions import CONDITIONS
from analytics.query import patterns_of, pointed
from analytics.rules.query_tokens import WrongQuery

MESSAGES = {
    "unknown_condition": _("There is no condition “%(token)s”."),
    "unclosed_string": _("This quotation mark is never closed."),
    "wrong_character": _("“%(token)s” has no meaning in a rule."),
    "too_deep": _("Groups are nested too deep."),
    "too_many": _("A rule may have a hundred conditions."),
    "too_long": _("The text is too long."),
}
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
    """`before`, `token` and `after` are the line in which it is wrong."""

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
    return Wrong(error.line, error.column, before, token, after, _message(error), expected, error.near)


def _message(error: WrongQuery) -> str:
    if error.code in MESSAGES:
        return str(MESSAGES[error.code]) % {"token": error.token}
    if error.code == "wrong_value":
        return error.reason or _t("“%(token)s” is not one of the choices.") % {"token": error.token.strip('"')}
    if not error.token:
        return _t("The text ends here, but something is missing.")
    return _t("“%(token)s” can't stand here.") % {"token": error.token}


@dataclass(frozen=True)
class Manual:
    """One condition and the ways to write it."""

    label: str
    patterns: Sequence[str]


def manual() -> list[tuple[str, list[Manual]]]:
    """Every condition by its group, as it is written."""
    groups: dict[str, list[Manual]] = {}
    for condition in CONDITIONS:
        patterns = [patterns_of(condition, operator)[0] for operator in condition.operators]
        shown = [
            pattern.replace("{", "<").replace("}", ">").replace("|day", "").replace("|time", "") for pattern in patterns
        ]
        groups.setdefault(str(condition.group), []).append(Manual(str(condition.label), shown))
    return list(groups.items())
