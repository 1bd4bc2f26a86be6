"""Check that templates fit journeys."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from campaigns.journeys.models import Journey, JourneyState
from campaigns.journeys.rules import JourneyDefinition, JourneyEntry, Step, StepValues, walk
from campaigns.journeys.services.events import ACTIVITY_PREFIX, ORDER
from campaigns.templates.models import Template
from campaigns.templates.services.uses import (
    CODE,
    EXPIRING,
    UNSEEN,
    CouponPresence,
    TemplateProblem,
    Texts,
    TextsOf,
    problems,
    refuse_for_campaign,
    saved_texts,
    texts_with,
)


@dataclass
class _Way:
    """Hold the state of one path.

    `given` and `live` (coupon steps whose code a message would show now) are of the path; `shown` and `passed` are of
    the whole journey.
    """

    given: CouponPresence = CouponPresence.NO
    live: frozenset[str] = frozenset()
    shown: set[str] = field(default_factory=set)
    passed: set[str] = field(default_factory=set)


def journey_problems(
    definition: JourneyDefinition, texts_of: TextsOf = saved_texts
) -> dict[str, list[TemplateProblem]]:
    """Return problems by step: messages, and coupon steps whose code no message shows."""
    by_step: dict[str, list[TemplateProblem]] = {}
    way = _Way()
    _walk(definition["steps"], way, _brought_by_entry(definition["entry"]), texts_of, by_step)
    for step in sorted(way.passed - way.shown):
        by_step.setdefault(step, []).append(TemplateProblem("coupon_not_shown", "coupon", str(UNSEEN)))
    return by_step


def _brought_by_entry(entry: JourneyEntry) -> tuple[str, ...]:
    if entry.get("kind") == "event" and str(entry.get("event")).startswith(ACTIVITY_PREFIX):
        return ("event",)
    if entry.get("kind") == "event":
        return {ORDER: ("order",), EXPIRING: ("expiring",)}.get(str(entry.get("event")), ())
    return ("segment",) if entry.get("kind") in ("segment", "schedule") else ()


def _walk(
    steps: Sequence[Step],
    way: _Way,
    brings: Sequence[str],
    texts_of: TextsOf,
    by_step: dict[str, list[TemplateProblem]],
) -> None:
    for step in steps:
        values: StepValues = step
        if step["kind"] == "coupon":
            way.given, way.live = CouponPresence.YES, frozenset({step["id"]})
        elif step["kind"] == "message" and values.get("template"):
            template = Template.objects.filter(pk=values["template"]).first()
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


def check_texts(template: Template, texts: Texts) -> None:
    """Raise Conflict if a live journey does not fit new texts.

    Codes: `coupon_not_shown`, `coupon_missing`, `field_not_brought`.
    """
    texts_of = texts_with(template, texts)
    live = Journey.objects.filter(state__in=[JourneyState.RUNNING, JourneyState.PAUSED]).select_related("version")
    for journey in live.order_by("pk"):
        values: Iterator[StepValues] = (step for step, _depth in walk(journey.definition["steps"]))
        if all(str(own.get("template")) != str(template.pk) for own in values):
            continue
        for faults in journey_problems(journey.definition, texts_of).values():
            refuse_for_campaign(journey.name, iter(faults))
