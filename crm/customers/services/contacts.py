"""Contact details that staff verify and remove. `identities.add_identity` adds them."""

from __future__ import annotations

from django.db import transaction
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from core.base.actor import Actor
from core.base.errors import Conflict, Invalid
from core.db.locks import lock_row
from core.events.bus import emit
from crm.customers import events
from crm.customers.models import Identity
from crm.customers.rules.identities import SOFT_KINDS
from crm.customers.services.customers import require_active


def verify_identity(*, identity: Identity, actor: Actor) -> Identity:
    """Mark a contact as verified: from now on it identifies the customer (S5).

    Raises Conflict `customer_not_active`, `already_verified`, and Invalid `not_verifiable` for a device.
    """
    if identity.kind in SOFT_KINDS:
        raise Invalid(_("A device can't be verified."), code="not_verifiable", field="identity")
    with transaction.atomic():
        require_active(identity.customer_id)
        locked = lock_row(Identity.objects.filter(pk=identity.pk))
        if locked.verified_at:
            raise Conflict(_("This is verified already."), code="already_verified")
        Identity.objects.filter(pk=locked.pk).update(verified_at=Now())
        payload = {"kind": locked.kind, "identity": locked.pk}
        emit(events.IDENTITY_VERIFIED, subject_id=locked.customer_id, payload=payload, actor=actor)
        locked.refresh_from_db()
    return locked


def remove_identity(*, identity: Identity, actor: Actor) -> None:
    """Remove a contact or an id from its customer. The history keeps the encrypted value.

    Raises Conflict `customer_not_active`, and `last_identity` for the only one: nothing would identify the customer.
    """
    with transaction.atomic():
        require_active(identity.customer_id)
        locked = lock_row(Identity.objects.filter(pk=identity.pk))
        if not Identity.objects.filter(customer=locked.customer_id).exclude(pk=locked.pk).exists():
            raise Conflict(_("This is the only contact. Add another one first."), code="last_identity")
        payload = {"kind": locked.kind, "verified": locked.verified_at is not None}
        locked.delete()
        emit(events.IDENTITY_REMOVED, subject_id=locked.customer_id, payload=payload, actor=actor)
