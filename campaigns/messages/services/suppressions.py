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
from core.db.locks import lock_names
from core.events.bus import emit, emit_from_select
from crm.customers.models import Customer, Identity
from crm.customers.rules.identities import normalise
from crm.customers.selectors import default_country
from crm.customers.services.identities import REASONS, index_of, indexes_of

LONGEST_REASON = 40
LONGEST_LIFT_REASON = 200


def suppress_customer(*, customer: Customer, channel: str, reason: str, actor: Actor) -> Suppression:
    """Stop every message on a channel for this customer, including transactional ones; idempotent."""
    if channel not in CHANNELS:
        raise Invalid(_("This channel does not exist."), code="invalid_choice", field="channel")
    reason = _checked_reason(reason)
    with transaction.atomic():
        suppression, created = Suppression.objects.get_or_create(
            customer=customer, channel=channel, address_index=None, lifted_at=None,
            defaults={"reason": reason, "created_by_id": actor.user_id},
        )  # fmt: skip
        if created:
            payload = {"channel": channel, "reason": suppression.reason}
            emit(events.ADDRESS_SUPPRESSED, subject_id=customer.pk, payload=payload, actor=actor)
    return suppression


def suppress_address(*, channel: str, address: str, reason: str, actor: Actor) -> Suppression:
    """Stop every message to this address on a channel, whether a customer has it or not; idempotent.

    Raises Invalid for an unknown channel or one without addresses, an address that can't be read, or a missing reason.
    """
    kind = address_kind_of(channel)
    reason = _checked_reason(reason)
    try:
        value = normalise(kind, address, default_country())
    except ValueError as error:
        raise Invalid(REASONS.get(str(error), REASONS["empty"]), code="invalid_address", field="address") from None
    with transaction.atomic():
        return suppress_index(
            channel=channel, kind=kind, index=index_of(kind, value), reason=reason, actor=actor
        ) or Suppression.objects.filter(
            channel=channel, address_index__in=indexes_of(kind, value), lifted_at=None
        ).latest("pk")


def suppress_index(*, channel: str, kind: str, index: bytes, reason: str, actor: Actor) -> Suppression | None:
    """Suppress the address with this blind index inside the caller's transaction. Return None if it already is."""
    lock_names([f"suppression:{channel}:{index.hex()}"])
    if Suppression.objects.filter(channel=channel, address_index=index, lifted_at=None).exists():
        return None
    owner = Identity.objects.filter(kind=kind, value_index=index).values_list("customer_id", flat=True).first()
    suppression = Suppression.objects.create(
        customer_id=owner, channel=channel, address_index=index, reason=reason, created_by_id=actor.user_id
    )
    if owner:
        payload = {"channel": channel, "reason": reason}
        emit(events.ADDRESS_SUPPRESSED, subject_id=owner, payload=payload, actor=actor)
    return suppression


def address_kind_of(channel: str) -> str:
    """Return the kind of identity that a channel sends to. Raises Invalid for a channel without addresses."""
    found = CHANNELS.get(channel)
    if found is None:
        raise Invalid(_("This channel does not exist."), code="invalid_choice", field="channel")
    if not found.address_kind:
        raise Invalid(
            _("This channel has no addresses. Block it on the customer's page."), code="no_addresses", field="channel"
        )
    return found.address_kind


def _checked_reason(reason: str) -> str:
    if not reason.strip() or len(reason.strip()) > LONGEST_REASON:
        raise Invalid(_("Enter a reason of at most 40 characters."), code="required", field="reason")
    return reason.strip()


def lift_suppression(*, suppression: Suppression, actor: Actor, reason: str = "") -> None:
    """Lift a suppression, so that the address can receive messages again. Idempotent.

    The reason, of at most 200 characters, is stored in the audit log. Raises Invalid for a longer one.
    """
    if len(reason) > LONGEST_LIFT_REASON:
        raise Invalid(_("Enter a reason of at most 200 characters."), code="max_length", field="reason")
    with transaction.atomic():
        lifted = Suppression.objects.filter(pk=suppression.pk, lifted_at=None).update(lifted_at=Now())
        if not lifted:
            return
        payload = {"suppression": suppression.pk, "channel": suppression.channel, "reason": reason.strip()}
        emit(events.SUPPRESSION_LIFTED, subject_id=suppression.customer_id, payload=payload, actor=actor)
        if suppression.customer_id:
            mark_changed([suppression.customer_id])


def record_export(*, rows: int, full: bool, actor: Actor) -> None:
    """Record in the audit log that the suppression list was exported, and whether with addresses in full."""
    with transaction.atomic():
        emit(events.SUPPRESSIONS_EXPORTED, subject_id=None, payload={"rows": rows, "full": full}, actor=actor)


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
