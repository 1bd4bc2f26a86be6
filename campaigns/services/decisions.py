"""Why one customer did, or did not, get something of a campaign: what is written down, and what the gate would say now."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from django.db.models import Q

from analytics.models import Segment, SegmentMembership
from campaigns.models import Broadcast, BroadcastState, CareRule, CareState, CareTrigger, Message, Template
from campaigns.services import gate
from campaigns.services.drawing import kept_out
from core import clock
from crm.models import Customer


class NoMessage(StrEnum):
    """Why no message was made, where there is none."""

    NOT_STARTED = "not_started"
    BEING_PREPARED = "being_prepared"
    NOT_IN_SEGMENT = "not_in_segment"
    NOT_IN_AUDIENCE = "not_in_audience"
    RULE_NOT_ACTIVE = "rule_not_active"
    NOT_MATCHED = "not_matched"


@dataclass(frozen=True)
class Answer:
    """`messages` newest first; without any, `cause` says why none was made, about `segment` at `at`.

    `now` is the gate's reason against a message of this campaign to this customer at this moment; empty: it would go.
    """

    messages: list[Message] = field(default_factory=list)
    cause: NoMessage | None = None
    segment: Segment | None = None
    at: datetime | None = None
    now: str = ""


def why(*, customer: Customer, campaign: Broadcast | CareRule) -> Answer:
    """The answer for one customer. Reads only."""
    now = clock.now()
    origin = campaign.origin if isinstance(campaign, Broadcast) else f"care:{campaign.pk}"
    found = list(
        Message.objects.filter(customer=customer, origin=origin)
        .select_related("template", "customer")
        .order_by("-created_at", "-id")[:50]
    )
    says = would_say(
        customer=customer, template=campaign.template, origin=origin, holdout_percent=campaign.holdout_percent, now=now
    )
    if found:
        return Answer(found, now=says)
    if isinstance(campaign, Broadcast):
        cause, at = _of_broadcast(campaign, customer)
    else:
        cause, at = _of_rule(campaign, customer, now)
    return Answer([], cause, campaign.segment, at, says)


def would_say(*, customer: Customer, template: Template, origin: str, holdout_percent: int, now: datetime) -> str:
    """The gate's word on a message that would be sent now, through the statement that sends (J1). Empty: it would go."""
    kept = kept_out(message_class=template.message_class, origin=origin, holdout_percent=holdout_percent)
    candidate = f"""
        SELECT NULL::uuid AS id, a.customer_id, %(channel)s AS channel, %(message_class)s AS message_class,
               %(origin)s AS origin, 'send' AS step, 'why' AS occurrence, %(now)s AS due_at,
               NULL::timestamptz AS waiting_since, NULL::text AS unmatched, {kept.out} AS holdout
        FROM (VALUES (%(customer)s::bigint)) AS a(customer_id)"""
    params: dict[str, Any] = {
        "customer": customer.pk,
        "channel": template.channel,
        "message_class": template.message_class,
        **kept.params,
    }
    (reason,) = gate.count_reasons(candidate, params, now)
    return reason


def _of_broadcast(broadcast: Broadcast, customer: Customer) -> tuple[NoMessage, datetime | None]:
    if broadcast.prepared_at is None:
        begun = broadcast.state in {BroadcastState.SENDING, BroadcastState.PAUSED}
        return (NoMessage.BEING_PREPARED if begun else NoMessage.NOT_STARTED), broadcast.starts_at
    if not was_in(broadcast.segment, customer, broadcast.prepared_at):
        return NoMessage.NOT_IN_SEGMENT, broadcast.prepared_at
    return NoMessage.NOT_IN_AUDIENCE, broadcast.prepared_at


def _of_rule(rule: CareRule, customer: Customer, now: datetime) -> tuple[NoMessage, datetime | None]:
    if rule.state != CareState.ACTIVE:
        return NoMessage.RULE_NOT_ACTIVE, rule.activated_at
    if rule.segment and rule.trigger != CareTrigger.SEGMENT_ENTERED and not was_in(rule.segment, customer, now):
        return NoMessage.NOT_IN_SEGMENT, now
    return NoMessage.NOT_MATCHED, rule.activated_at


def was_in(segment: Segment, customer: Customer, at: datetime) -> bool:
    """By the intervals of membership (S1)."""
    rows = SegmentMembership.objects.filter(segment=segment, customer=customer, entered_at__lte=at)
    return rows.filter(Q(left_at=None) | Q(left_at__gt=at)).exists()
