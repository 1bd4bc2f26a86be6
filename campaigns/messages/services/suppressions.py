"""Suppress addresses and customers, so that they get no messages on a channel."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from django.db import connection, transaction
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from analytics.features.services.features import mark_changed
from campaigns.channels.registry import CHANNELS
from campaigns.messages import events
from campaigns.messages.models import Suppression
from core.base.actor import Actor
from core.base.errors import Invalid
from core.events.bus import emit, emit_from_select
from crm.customers.models import Customer


def suppress_customer(*, customer: Customer, channel: str, reason: str, actor: Actor) -> Suppression:
    """Stop every message on a channel for this customer, including transactional ones; idempotent."""
    if channel not in CHANNELS:
        raise Invalid(_("This channel does not exist."), code="invalid_choice", field="channel")
    if not reason.strip() or len(reason) > 40:
        raise Invalid(_("Enter a reason of at most 40 characters."), code="required", field="reason")
    with transaction.atomic():
        suppression, created = Suppression.objects.get_or_create(
            customer=customer, channel=channel, address_index=None, lifted_at=None,
            defaults={"reason": reason.strip(), "created_by_id": actor.user_id},
        )  # fmt: skip
        if created:
            payload = {"channel": channel, "reason": suppression.reason}
            emit(events.ADDRESS_SUPPRESSED, subject_id=customer.pk, payload=payload, actor=actor)
    return suppression


def lift_suppression(*, suppression: Suppression, actor: Actor) -> None:
    """Lift a suppression, so that the address can receive messages again. Idempotent."""
    with transaction.atomic():
        lifted = Suppression.objects.filter(pk=suppression.pk, lifted_at=None).update(lifted_at=Now())
        if lifted and suppression.customer_id:
            mark_changed([suppression.customer_id])


def suppress_bounced(message_ids: Sequence[UUID], reason: str = "bounce") -> int:
    """Suppress the addresses of these messages inside the caller's transaction. Return how many are new."""
    if not message_ids:
        return 0
    with connection.cursor() as cursor:
        # The gate's choice is the best address that is not suppressed yet, so this finds the address that was used.
        cursor.execute(
            """INSERT INTO campaigns_suppression (customer_id, channel, address_index, reason)
               SELECT DISTINCT m.customer_id, m.channel, address.value_index, %s
               FROM campaigns_message m
               JOIN unnest(%s::text[], %s::text[]) AS way(channel, kind) ON way.channel = m.channel
               CROSS JOIN LATERAL (
                   SELECT i.value_index FROM crm_identity i
                   WHERE i.customer_id = m.customer_id AND i.kind = way.kind AND NOT EXISTS (
                       SELECT FROM campaigns_suppression s
                       WHERE s.address_index = i.value_index AND s.channel = m.channel
                           AND s.lifted_at IS NULL)
                   ORDER BY i.verified_at IS NULL, i.id DESC LIMIT 1) AS address
               WHERE m.id = ANY(%s)""",
            [reason, CHANNELS.names(), [channel.address_kind for channel in CHANNELS], list(message_ids)],
        )
        count = cursor.rowcount
    emit_from_select(
        events.ADDRESS_SUPPRESSED,
        """SELECT m.customer_id, jsonb_build_object('channel', m.channel, 'reason', %s::text), now()
           FROM campaigns_message m WHERE m.id = ANY(%s)""",
        [reason, list(message_ids)],
    )
    return count
