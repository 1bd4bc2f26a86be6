"""Explain why one customer got or did not get a message of a campaign: from stored rows, and from the gate now."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from django.db.models import Q

from analytics.segments.models import Segment, SegmentMembership
from campaigns.broadcasts.models import Broadcast, BroadcastState
from campaigns.care.models import CareRule, CareState, CareTrigger
from campaigns.experiments.services.arms import kept_out
from campaigns.journeys import rules as journey_rules
from campaigns.journeys.models import Journey, JourneyRun, JourneyState, RunState
from campaigns.messages.models import Message
from campaigns.messages.services import gate
from campaigns.templates.models import Template
from core.base import clock
from crm.customers.models import Customer


class NoMessage(StrEnum):
    """Reasons why no message was made."""

    NOT_STARTED = "not_started"
    BEING_PREPARED = "being_prepared"
    NOT_IN_SEGMENT = "not_in_segment"
    NOT_IN_AUDIENCE = "not_in_audience"
    RULE_NOT_ACTIVE = "rule_not_active"
    NOT_MATCHED = "not_matched"
    STOPPED = "stopped"
    SEGMENT_NOT_COMPUTED = "segment_not_computed"
    NOT_PUBLISHED = "not_published"
    JOURNEY_PAUSED = "journey_paused"
    JOURNEY_STOPPED = "journey_stopped"
    INSIDE_BEFORE = "inside_before"
    NOT_ENTERED = "not_entered"
    RUN_HELD_OUT = "run_held_out"
    RUN_UNDER_WAY = "run_under_way"
    RUN_ENDED = "run_ended"


@dataclass(frozen=True)
class Explanation:
    """Hold `messages`, newest first; without any, `cause` says why none was made, for `segment` at `at`.

    `now` is the gate's reason against a message of this campaign to this customer now. Empty means that it would go;
    None means that the campaign has no message. `run` is the customer's last run of a journey.
    """

    messages: list[Message] = field(default_factory=list)
    cause: NoMessage | None = None
    segment: Segment | None = None
    at: datetime | None = None
    now: str | None = ""
    run: JourneyRun | None = None


def why(*, customer: Customer, campaign: Broadcast | CareRule | Journey) -> Explanation:
    """Return the answer for one customer. Reads only."""
    now = clock.now()
    if isinstance(campaign, Journey):
        return _why_journey(campaign, customer, now)
    origin = campaign.origin if isinstance(campaign, Broadcast) else f"care:{campaign.pk}"
    messages = _messages(customer, origin)
    says = would_say(
        customer=customer, template=campaign.template, origin=origin, holdout_percent=campaign.holdout_percent, now=now
    )
    if messages:
        return Explanation(messages, now=says)
    if isinstance(campaign, Broadcast):
        cause, at = _of_broadcast(campaign, customer)
    else:
        cause, at = _of_rule(campaign, customer, now)
    return Explanation([], cause, campaign.segment, at, says)


def _messages(customer: Customer, origin: str) -> list[Message]:
    rows = Message.objects.filter(customer=customer, origin=origin).select_related("template", "customer")
    return list(rows.order_by("-created_at", "-id")[:50])


def _why_journey(journey: Journey, customer: Customer, now: datetime) -> Explanation:
    origin = f"journey:{journey.pk}"
    run = (
        JourneyRun.objects.filter(journey=journey, customer=customer)
        .select_related("version", "journey")
        .order_by("-number")
        .first()
    )
    definition: journey_rules.AnyJourney = (
        run.version.definition if run else journey.version.definition if journey.version else journey.draft
    )
    says = _journey_would_say(journey, definition, run, customer, now)
    messages = _messages(customer, origin)
    segment = Segment.objects.filter(pk=definition["entry"].get("segment")).first()
    if messages:
        return Explanation(messages, segment=segment, now=says, run=run)
    cause, at = _of_journey(journey, definition, segment, run, customer, now)
    return Explanation([], cause, segment, at, says, run)


def _of_journey(
    journey: Journey,
    definition: journey_rules.AnyJourney,
    segment: Segment | None,
    run: JourneyRun | None,
    customer: Customer,
    now: datetime,
) -> tuple[NoMessage, datetime | None]:
    if run is not None:
        states = {
            RunState.HELD_OUT: (NoMessage.RUN_HELD_OUT, run.entered_at),
            RunState.ENDED: (NoMessage.RUN_ENDED, run.ended_at),
            RunState.ACTIVE: (NoMessage.RUN_UNDER_WAY, run.due_at),
        }
        return states[RunState(run.state)]
    if journey.state == JourneyState.DRAFT:
        return NoMessage.NOT_PUBLISHED, None
    if journey.state == JourneyState.PAUSED:
        return NoMessage.JOURNEY_PAUSED, None
    if journey.state == JourneyState.STOPPED:
        return NoMessage.JOURNEY_STOPPED, None
    if segment is not None:
        if not segment.is_current:
            return NoMessage.SEGMENT_NOT_COMPUTED, now
        if not was_in(segment, customer, now):
            return NoMessage.NOT_IN_SEGMENT, now
        entry = definition["entry"]
        if entry["kind"] == "segment" and not entry.get("members"):
            return NoMessage.INSIDE_BEFORE, journey.started_at
    return NoMessage.NOT_ENTERED, journey.started_at


def _journey_would_say(
    journey: Journey, definition: journey_rules.AnyJourney, run: JourneyRun | None, customer: Customer, now: datetime
) -> str | None:
    """Return the gate's reason against the journey's first message; None when it has none. A run keeps its arm."""
    steps = (step for step, _depth in journey_rules.walk(definition["steps"]) if step["kind"] == "message")
    template = next((candidate for step in steps if (candidate := template_of(step)) is not None), None)
    if template is None:
        return None
    if run is not None and run.state == RunState.HELD_OUT:
        return "holdout"
    holdout = definition.get("holdout")
    return would_say(
        customer=customer,
        template=template,
        origin=f"journey:{journey.pk}",
        holdout_percent=holdout if run is None and isinstance(holdout, int) else 0,
        now=now,
    )


def template_of(step: journey_rules.StepValues) -> Template | None:
    """Return the template of a message step; None while a draft names none or a deleted one."""
    template_id = str(step.get("template") or "")
    return (
        Template.objects.filter(pk=int(template_id)).first()
        if template_id.isascii() and template_id.isdigit()
        else None
    )


def would_say(*, customer: Customer, template: Template, origin: str, holdout_percent: int, now: datetime) -> str:
    """Return the gate's reason against a message sent now, from the statement that sends (J1). Empty: it would go."""
    holdout = kept_out(message_class=template.message_class, origin=origin, holdout_percent=holdout_percent)
    candidate = f"""
        SELECT NULL::uuid AS id, a.customer_id, %(channel)s AS channel, %(message_class)s AS message_class,
               %(origin)s AS origin, 'send' AS step, 'why' AS occurrence, %(now)s AS due_at,
               NULL::timestamptz AS waiting_since, NULL::text AS unmatched, {holdout.out} AS holdout
        FROM (VALUES (%(customer)s::bigint)) AS a(customer_id)"""  # noqa: S608 - fragment of the holdout; values are parameters
    params: dict[str, Any] = {
        "customer": customer.pk,
        "channel": template.channel,
        "message_class": template.message_class,
        **holdout.params,
    }
    (reason,) = gate.count_reasons(candidate, params, now)
    return reason


def _of_broadcast(broadcast: Broadcast, customer: Customer) -> tuple[NoMessage, datetime | None]:
    if broadcast.state == BroadcastState.STOPPED and broadcast.prepared_at is None:
        return NoMessage.STOPPED, broadcast.starts_at
    if broadcast.prepared_at is None:
        if broadcast.state != BroadcastState.DRAFT and not broadcast.segment.is_current:
            return NoMessage.SEGMENT_NOT_COMPUTED, broadcast.starts_at
        started = broadcast.state in {BroadcastState.SENDING, BroadcastState.PAUSED}
        return (NoMessage.BEING_PREPARED if started else NoMessage.NOT_STARTED), broadcast.starts_at
    if not was_in(broadcast.segment, customer, broadcast.prepared_at):
        return NoMessage.NOT_IN_SEGMENT, broadcast.prepared_at
    return NoMessage.NOT_IN_AUDIENCE, broadcast.prepared_at


def _of_rule(rule: CareRule, customer: Customer, now: datetime) -> tuple[NoMessage, datetime | None]:
    if rule.state != CareState.ACTIVE:
        return NoMessage.RULE_NOT_ACTIVE, rule.activated_at
    if rule.segment and not rule.segment.is_current:
        return NoMessage.SEGMENT_NOT_COMPUTED, now
    if rule.segment and rule.trigger != CareTrigger.SEGMENT_ENTERED and not was_in(rule.segment, customer, now):
        return NoMessage.NOT_IN_SEGMENT, now
    return NoMessage.NOT_MATCHED, rule.activated_at


def was_in(segment: Segment, customer: Customer, at: datetime) -> bool:
    """Return whether the customer was in the segment at that moment, by intervals of membership (S1)."""
    rows = SegmentMembership.objects.filter(segment=segment, customer=customer, entered_at__lte=at)
    return rows.filter(Q(left_at=None) | Q(left_at__gt=at)).exists()
