"""Check that a template fits its use: the coupon's code, the order, the expiring points.

A coupon that no text shows would use up a code per customer unseen. A field that a use does not bring would leave a
gap. Both are refused when a campaign is saved or started, and when a template in use gets new texts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from enum import Enum
from typing import Any, NamedTuple

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from campaigns.templates.models import Template, TemplateText
from campaigns.templates.rules import liquid
from campaigns.templates.rules.fields import Fields
from core.base.errors import Conflict, Invalid
from core.text.formatting import language_label

# Values that only a message itself brings; all others are known for every customer.
BROUGHT = frozenset({"order", "event", "ticket", "segment", "expiring", "values"})
# Fields that need more than their first part says. A reply is in the message that answers a ticket, and in no campaign.
NEEDS = {"links.rating": "ticket", "ticket.reply": "reply"}
NEEDED = BROUGHT | set(NEEDS.values())
CODE = "coupon.code"
EXPIRING = "loyalty.points_expiring"
NOT_SHOWN = _(
    "The text in %(language)s does not show the coupon code, so codes would be used up unseen. Show "
    "coupon.code in the text, or remove the coupon."
)
MISSING = _(
    "The text in %(language)s shows a coupon, but no coupon is set. Choose a coupon, or remove it from the text."
)
UNCERTAIN = _(
    "The text in %(language)s shows a coupon that some customers do not have at that point. Put it between "
    "{%% if coupon.code %%} and {%% endif %%}."
)
NOT_BROUGHT = _("The text in %(language)s shows “%(name)s”, which these messages do not have. It would be empty.")
UNSEEN = _("No later message shows the code in every language, so codes would be used up unseen.")


class CouponPresence(Enum):
    """Tell whether the recipient of the message has a coupon at that point."""

    NO = "no"
    SOMETIMES = "sometimes"
    YES = "yes"


class TemplateProblem(NamedTuple):
    """Hold one problem; `about` is the coupon or the template."""

    code: str
    about: str
    message: str


Texts = Mapping[str, Fields]
TextsOf = Callable[[Template], Texts]


def fields_in(subject: str, body: str) -> Fields:
    """Return the fields that one language of a template shows and uses."""
    one, two = liquid.fields(subject), liquid.fields(body)
    return Fields(one.shown | two.shown, one.asked | two.asked, one.bare | two.bare, [*one.faults, *two.faults])


def saved_texts(template: Template, version: int | None = None) -> Texts:
    """Return the fields of each language of a saved version, by default the current one."""
    rows = TemplateText.objects.filter(template=template, version=version or template.version).order_by("language")
    return {row.language: fields_in(row.subject, row.body) for row in rows}


def problems(
    texts: Texts, *, given: CouponPresence, brings: Iterable[str] = (), offered: bool | None = None
) -> Iterator[TemplateProblem]:
    """Yield the problems, in the order of languages.

    `offered`: another arm of an experiment gives a coupon. Then a text that shows a coupon only if there is one fits
    both arms.
    """
    available = set(brings)
    for language, fields in texts.items():
        named = {"language": language_label(language)}
        for fault in fields.faults:
            yield TemplateProblem("unknown_field", "template", _text(NOT_BROUGHT, {**named, "name": fault.asked}))
        for path in sorted(fields.bare):
            needed = NEEDS.get(path, path.partition(".")[0])
            if needed in NEEDED and needed not in available:
                yield TemplateProblem("field_not_brought", "template", _text(NOT_BROUGHT, {**named, "name": path}))
        bare = any(path.partition(".")[0] == "coupon" for path in fields.bare)
        if given is CouponPresence.YES and CODE not in fields.shown:
            yield TemplateProblem("coupon_not_shown", "coupon", _text(NOT_SHOWN, named))
        elif given is CouponPresence.NO and fields.names("coupon") and (bare or not offered):
            yield TemplateProblem("coupon_missing", "coupon", _text(MISSING, named))
        elif given is CouponPresence.SOMETIMES and bare:
            yield TemplateProblem("coupon_missing", "coupon", _text(UNCERTAIN, named))


def _text(message: str | Promise, values: Mapping[str, Any]) -> str:
    return str(message) % values


def refuse_problems(problems: Iterator[TemplateProblem]) -> None:
    """Raise Invalid for the first problem, if there is one."""
    for problem in problems:
        raise Invalid(problem.message, code=problem.code, field=problem.about)


def refuse_for_campaign(campaign: str, problems: Iterator[TemplateProblem]) -> None:
    """Raise Conflict for the first problem, if there is one, with the name of the campaign."""
    for problem in problems:
        text = _("“%(campaign)s” uses this template: %(reason)s") % {"campaign": campaign, "reason": problem.message}
        raise Conflict(text, code=problem.code, field="texts")


def texts_with(template: Template, texts: Texts) -> TextsOf:
    """Return how to read texts if this template had these new ones."""
    return lambda other: texts if other.pk == template.pk else saved_texts(other)
