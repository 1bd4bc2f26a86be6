"""Try a journey for one customer with a fast clock: show the current path without any effect."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from analytics.segments.models import CustomerSegments, Segment
from analytics.segments.services.figures import matching_customers
from campaigns.journeys import rules
from campaigns.journeys.models import EndReason, Journey, RunState
from campaigns.journeys.registry import STEPS, Run, StepBatch
from campaigns.journeys.rules import JourneyDefinition, Step, StepValues
from campaigns.journeys.services.journeys import cleaned, label_of
from campaigns.messages.services import gate
from campaigns.templates.models import Template
from core.base import clock
from core.base.errors import Invalid
from crm.customers.models import Customer

HAPPENS, TIMES_OUT = "happened", "timeout"


@dataclass(frozen=True)
class Stop:
    """Hold one step of the path. `reason` is the gate's reason against a message then; "" when it would be sent."""

    step: str
    icon: str
    label: str
    words: str
    at: datetime
    outcome: str = ""
    until: datetime | None = None
    reason: str | None = None


class Entering(StrEnum):
    """Tell whether the customer would enter, as far as the segment decides it."""

    YES = "yes"
    NOT_IN_SEGMENT = "not_in_segment"
    INSIDE_ALREADY = "inside_already"


@dataclass
class Trial:
    """The result of a trial: the customer's way through the journey, and how it ends."""

    held_out: bool
    entering: Entering
    stops: list[Stop] = field(default_factory=list)
    end: str = EndReason.COMPLETED
    at: datetime | None = None


def try_journey(*, journey: Journey, customer: Customer, events_happen: bool = False) -> Trial:
    """Return the path through the draft. Waits pass immediately; an awaited event comes if `events_happen`.

    Raises Invalid when the draft has problems.
    """
    definition, problems = cleaned(journey.draft)
    if problems:
        raise Invalid(problems[0].message, code="journey_invalid", field=problems[0].step)
    now = clock.now()
    trial = Trial(_held_out(journey, customer), _entering(definition, customer))
    steps, ways = rules.by_id(definition["steps"]), rules.flow(definition["steps"])
    at, own = now, rules.first(definition["steps"])
    while own:
        step = steps[own]
        kind = STEPS[step["kind"]]
        run = Run(0, customer.pk, 1, now, at)
        batch = StepBatch(journey.pk, journey.name, 0, definition, step, [run], at)
        wait = kind.wait(batch).get(0)
        started, outcome = at, ""
        if wait is not None:
            if wait.event:
                outcome = HAPPENS if events_happen else TIMES_OUT
            at = at if outcome == HAPPENS else max(at, wait.until)
        elif not kind.effects:
            outcome = kind.act(batch).get(0) or ""
        reason = _gate(journey, customer, step, at) if step["kind"] == "message" else None
        named = dict(kind.arms(step)).get(outcome, kind.outcome_label(outcome) if outcome else "")
        trial.stops.append(
            Stop(
                own,
                kind.icon,
                label_of(step),
                str(kind.words(step)),
                started,
                str(named),
                wait.until if wait else None,
                reason,
            )
        )
        if kind.ends and outcome == kind.ends:
            trial.end = kind.ends
            break
        own = rules.follow(ways, own, outcome)
    trial.at = at
    return trial


def _entering(definition: JourneyDefinition, customer: Customer) -> Entering:
    entry = definition["entry"]
    segment = entry["segment"]
    if not segment:
        return Entering.YES
    if not in_segment(segment, customer):
        return Entering.NOT_IN_SEGMENT
    later_only = entry["kind"] == "segment" and not entry.get("members")
    return Entering.INSIDE_ALREADY if later_only else Entering.YES


def in_segment(segment_id: int, customer: Customer) -> bool:
    """Return whether the customer is in the segment; by its rule until the segment is computed."""
    segment = Segment.objects.get(pk=segment_id)
    if not segment.is_current:
        return customer.pk in matching_customers(rule=segment.rule, customer_ids=[customer.pk])
    return CustomerSegments.objects.filter(customer=customer, inside__contains=[segment_id]).exists()


def _held_out(journey: Journey, customer: Customer) -> bool:
    first = journey.runs.filter(customer=customer).order_by("number").first()
    return first is not None and first.state == RunState.HELD_OUT


def _gate(journey: Journey, customer: Customer, step: Step, at: datetime) -> str:
    values: StepValues = step
    template = Template.objects.get(pk=values["template"])
    candidates = """
        SELECT NULL::uuid AS id, %(customer)s::bigint AS customer_id, %(channel)s AS channel,
               %(message_class)s AS message_class, %(origin)s AS origin, %(step)s AS step, 'trial'::text AS occurrence,
               %(now)s AS due_at, NULL::timestamptz AS waiting_since, NULL::text AS unmatched, false AS holdout"""
    params = {
        "customer": customer.pk,
        "channel": template.channel,
        "message_class": template.message_class,
        "origin": f"journey:{journey.pk}",
        "step": step["id"],
    }
    return next(iter(gate.count_reasons(candidates, params, at)), "")
