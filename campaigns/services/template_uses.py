"""Check that a template fits its use: the coupon's code, the order, the expiring points.

A coupon that no text shows would use up a code per customer unseen. A field that a use does not bring would leave a
gap. Both are refused when a campaign is saved or started, and when a template in use gets new texts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, NamedTuple

from django.db.models import Q
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from campaigns.models import (
    Broadcast,
    CareRule,
    CareState,
    CareTrigger,
    Coupon,
    Experiment,
    Journey,
    JourneyState,
    Template,
    TemplateText,
)
from campaigns.rules import liquid
from campaigns.rules.journeys import walk
from campaigns.rules.template_fields import Fields
from campaigns.services.journey_happenings import ORDER
from core.errors import Conflict, Invalid
from core.formatting import language_label

# Values that only a message itself brings; all others are known for every customer.
BROUGHT = frozenset({"order", "ticket", "segment", "expiring", "values"})
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


def check_broadcast(broadcast: Broadcast, texts_of: TextsOf = saved_texts) -> None:
    """Raise Invalid `coupon_not_shown`, `coupon_missing`, `field_not_brought` or `unknown_field`."""
    _refuse(_of_campaign(broadcast.template, broadcast.coupon, broadcast.experiment, (), texts_of))


def check_care_rule(rule: CareRule, texts_of: TextsOf = saved_texts) -> None:
    """Raise Invalid `coupon_not_shown`, `coupon_missing`, `field_not_brought` or `unknown_field`."""
    _refuse(_of_campaign(rule.template, rule.coupon, rule.experiment, brought_by(rule), texts_of))


def brought_by(rule: CareRule) -> tuple[str, ...]:
    return {
        CareTrigger.AFTER_PURCHASE: ("order",),
        CareTrigger.SEGMENT_ENTERED: ("segment",),
        CareTrigger.POINTS_EXPIRING: ("expiring",),
    }.get(CareTrigger(rule.trigger), ())


def _of_campaign(
    template: Template,
    coupon: Coupon | None,
    experiment: Experiment | None,
    brings: Sequence[str],
    texts_of: TextsOf,
) -> Iterator[TemplateProblem]:
    """Check the campaign's own template and coupon, or each arm's. An arm without its own uses the campaign's."""
    pairs = [(template, coupon)]
    if experiment is not None:
        arms = experiment.arms.select_related("template", "coupon")
        pairs = [(arm.template or template, arm.coupon or coupon) for arm in arms]
    offered = any(own is not None for _template, own in pairs)
    for text, own in pairs:
        yield from problems(
            texts_of(text), given=CouponPresence.YES if own else CouponPresence.NO, brings=brings, offered=offered
        )


def _refuse(problems: Iterator[TemplateProblem]) -> None:
    for problem in problems:
        raise Invalid(problem.message, code=problem.code, field=problem.about)


# Journeys: a coupon given on the path is known to every later message.


@dataclass
class _Way:
    """Hold the state of one path. `given` and `live` (coupon steps whose code a message would show now) are of the
    path; `shown` and `passed` are of the whole journey.
    """

    given: CouponPresence = CouponPresence.NO
    live: frozenset[str] = frozenset()
    shown: set[str] = field(default_factory=set)
    passed: set[str] = field(default_factory=set)


def journey_problems(
    definition: Mapping[str, Any], texts_of: TextsOf = saved_texts
) -> dict[str, list[TemplateProblem]]:
    """Return problems by step: messages, and coupon steps whose code no message shows."""
    by_step: dict[str, list[TemplateProblem]] = {}
    way = _Way()
    _walk(definition["steps"], way, _brought_by_entry(definition.get("entry") or {}), texts_of, by_step)
    for step in sorted(way.passed - way.shown):
        by_step.setdefault(step, []).append(TemplateProblem("coupon_not_shown", "coupon", str(UNSEEN)))
    return by_step


def _brought_by_entry(entry: Mapping[str, Any]) -> tuple[str, ...]:
    if entry.get("kind") == "event":
        return {ORDER: ("order",), EXPIRING: ("expiring",)}.get(str(entry.get("event")), ())
    return ("segment",) if entry.get("kind") in ("segment", "schedule") else ()


def _walk(
    steps: Sequence[Mapping[str, Any]],
    way: _Way,
    brings: Sequence[str],
    texts_of: TextsOf,
    by_step: dict[str, list[TemplateProblem]],
) -> None:
    for step in steps:
        if step["kind"] == "coupon":
            way.given, way.live = CouponPresence.YES, frozenset({step["id"]})
        elif step["kind"] == "message" and step.get("template"):
            template = Template.objects.filter(pk=step["template"]).first()
            if template is None:
                continue
            texts = texts_of(template)
            way.passed |= way.live
            shows = [CODE in fields.shown for fields in texts.values()]
            if all(shows):
                way.shown |= way.live
            # After a coupon, a message may leave it out; a message that shows it must do so in every language.
            presence = CouponPresence.SOMETIMES if way.given is CouponPresence.YES and not any(shows) else way.given
            faults = list(problems(texts, given=presence, brings=brings))
            if faults:
                by_step.setdefault(step["id"], []).extend(faults)
        arms = step.get("arms") or {}
        if arms:
            ends = []
            for arm in arms.values():
                inner = _Way(way.given, way.live, way.shown, way.passed)
                _walk(arm, inner, brings, texts_of, by_step)
                ends.append(inner)
            way.given = ends[0].given if len({end.given for end in ends}) == 1 else CouponPresence.SOMETIMES
            way.live = frozenset().union(*(end.live for end in ends))


# New texts for a template that campaigns use.


def check_users(template: Template, texts: Texts) -> None:
    """Check new texts of a template against the campaigns that use it.

    Raises Conflict `coupon_not_shown`, `coupon_missing` or `field_not_brought` naming the campaign that these texts do
    not fit. Drafts are checked when they are started, and a scheduled broadcast keeps the texts of its scheduling.
    """

    def texts_of(one: Template) -> Texts:
        return texts if one.pk == template.pk else saved_texts(one)

    sends = Q(template=template) | Q(experiment__arms__template=template)
    for rule in CareRule.objects.filter(sends, state=CareState.ACTIVE).distinct().order_by("pk"):
        _refuse_for(rule.name, _of_campaign(rule.template, rule.coupon, rule.experiment, brought_by(rule), texts_of))
    live = Journey.objects.filter(state__in=[JourneyState.RUNNING, JourneyState.PAUSED]).select_related("version")
    for journey in live.order_by("pk"):
        steps = (step for step, _depth in walk(journey.definition["steps"]))
        if all(str(step.get("template")) != str(template.pk) for step in steps):
            continue
        for faults in journey_problems(journey.definition, texts_of).values():
            _refuse_for(journey.name, iter(faults))


def _refuse_for(campaign: str, problems: Iterator[TemplateProblem]) -> None:
    for problem in problems:
        text = _("“%(campaign)s” uses this template: %(reason)s") % {"campaign": campaign, "reason": problem.message}
        raise Conflict(text, code=problem.code, field="texts")
