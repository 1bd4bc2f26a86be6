"""Errors of a rule's text, in words and as the error of an API."""

from __future__ import annotations

from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from analytics.conditions.rules.query_tokens import WrongQuery
from analytics.conditions.rules.trees import Node
from analytics.conditions.services.query import parse_rule
from core.base.errors import Invalid

MESSAGES = {
    "unknown_condition": _("There is no condition “%(token)s”."),
    "unclosed_string": _("This quotation mark is never closed."),
    "wrong_character": _("“%(token)s” is not allowed in a rule."),
    "too_deep": _("Groups are nested too deep."),
    "too_many": _("A rule may have at most 100 conditions."),
    "too_long": _("The text is too long."),
}


def rule_of_text(text: str, currency: str) -> Node:
    """Return the rule in canonical form. Raises Invalid for the field `text`.

    Its message and details give the place: line and column from 1, offset from 0, the token there, the expected tokens
    and similar known words.
    """
    try:
        return parse_rule(text, currency)
    except WrongQuery as error:
        message = _t("Line %(line)s, column %(column)s: %(fault)s") % {
            "line": error.line,
            "column": error.column,
            "fault": message_of(error),
        }
        raise Invalid(
            message,
            code=error.code,
            field="text",
            line=error.line,
            column=error.column,
            offset=error.offset,
            token=error.token,
            expected=list(error.expected),
            near=list(error.near),
        ) from None


def message_of(error: WrongQuery) -> str:
    """Return the translated message of an error in the text of a rule."""
    if error.code in MESSAGES:
        return str(MESSAGES[error.code]) % {"token": error.token}
    if error.code == "wrong_value":
        return error.reason or _t("“%(token)s” is not one of the choices.") % {"token": error.token.strip('"')}
    if not error.token:
        return _t("The text ends here, but something is missing.")
    return _t("“%(token)s” is not expected here.") % {"token": error.token}
