"""What is wrong with a rule's text, in words, and as the refusal that an API gives."""

from __future__ import annotations

from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from analytics.query import WrongQuery, parse_rule
from core.errors import Invalid

MESSAGES = {
    "unknown_condition": _("There is no condition “%(token)s”."),
    "unclosed_string": _("This quotation mark is never closed."),
    "wrong_character": _("“%(token)s” has no meaning in a rule."),
    "too_deep": _("Groups are nested too deep."),
    "too_many": _("A rule may have a hundred conditions."),
    "too_long": _("The text is too long."),
}


def rule_of_text(text: str, currency: str) -> dict:
    """The rule in canonical form. Raises Invalid for the field `text`, whose message and details name the place: line and
    column from 1, offset from 0, the token that stands there, what could stand there and what was probably meant.
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
    if error.code in MESSAGES:
        return str(MESSAGES[error.code]) % {"token": error.token}
    if error.code == "wrong_value":
        return error.reason or _t("“%(token)s” is not one of the choices.") % {"token": error.token.strip('"')}
    if not error.token:
        return _t("The text ends here, but something is missing.")
    return _t("“%(token)s” can't stand here.") % {"token": error.token}
