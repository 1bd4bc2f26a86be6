"""Recording of consent decisions: granted and withdrawn (P1)."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from core.base import clock
from core.base.actor import Actor
from core.base.errors import Invalid
from core.events.bus import emit
from crm.customers import events
from crm.customers.models import Channel, Consent, ConsentDecision, Customer, Purpose
from crm.customers.services.customers import require_active


def record_consent(
    *,
    customer: Customer,
    channel: str,
    purpose: str,
    decision: str,
    source: str,
    actor: Actor,
    evidence: str = "",
    given_at: datetime | None = None,
) -> Consent:
    """Append one decision. The latest decision by time counts, so a late arrival of an earlier one changes nothing.

    Raises Invalid, and Conflict `customer_not_active`.
    """
    for field, value, allowed in (
        ("channel", channel, Channel.values),
        ("purpose", purpose, Purpose.values),
        ("decision", decision, ConsentDecision.values),
    ):
        if value not in allowed:
            raise Invalid(_("Not one of the choices."), code="invalid_choice", field=field)
    if not source.strip():
        raise Invalid(_("Enter where the consent was given."), code="required", field="source")
    with transaction.atomic():
        require_active(customer.pk)
        now = clock.now()
        if given_at and given_at > now:
            raise Invalid(_("This time is in the future."), code="in_the_future", field="given_at")
        consent = Consent.objects.create(
            customer=customer,
            channel=channel,
            purpose=purpose,
            decision=decision,
            source=source.strip()[:60],
            evidence=evidence[:500],
            given_at=given_at or now,
            actor=str(actor),
        )
        emit(
            events.CONSENT_CHANGED,
            subject_id=customer.pk,
            payload={"channel": channel, "purpose": purpose, "decision": decision, "source": source},
            actor=actor,
        )
    return consent
