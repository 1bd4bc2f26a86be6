"""Registration of a customer by the storefront, and creation by staff: identities, profile and earlier activity."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from core.base.actor import Actor
from core.base.errors import Conflict, Invalid
from crm.customers.models import Customer
from crm.customers.registry import VISITOR_JOINS
from crm.customers.services.customers import checked_changes, update_customer
from crm.customers.services.identities import GivenIdentity, find, lock_identities, normalised, resolve_customer


def create_customer(
    *, identities: Sequence[GivenIdentity], profile: dict[str, Any], actor: Actor, source: str, country: str
) -> Customer:
    """Create a customer by hand. Unlike a registration, it never attaches to a known customer.

    Raises Invalid naming the field, `required` without a name and a contact, and Conflict `identity_taken` when another
    customer has one of the contacts.
    """
    checked_changes(profile)
    items = normalised(identities, country=country)
    if not items:
        raise Invalid(_("Enter a phone number or an e-mail address."), code="required", field="identities")
    if not str(profile.get("name") or "").strip():
        raise Invalid(_("Enter the name."), code="required", field="name")
    with transaction.atomic():
        # The same locks as in the resolution, so that no other request creates the owner in between.
        lock_identities(items)
        for item in items:
            if find(item.kind, item.value) is not None:
                raise Conflict(_("This contact belongs to another customer."), code="identity_taken", field=item.kind)
        result = resolve_customer(
            items, actor=actor, source=source, country=country, defaults={"name": str(profile["name"]).strip()}
        )
        assert result.customer is not None
        return update_customer(customer=result.customer, changes=profile, actor=actor)


def register_customer(
    *,
    identities: Sequence[GivenIdentity],
    profile: dict[str, Any],
    actor: Actor,
    source: str,
    country: str,
    anonymous_id: str = "",
) -> tuple[Customer, bool]:
    """Find or create the customer, update the profile and take over the visitor's activity (S5), in one transaction.

    Returns the customer and whether it is new. Raises Invalid; `device_only` when only a device is given, because a
    device does not identify a customer.
    """
    checked_changes(profile)
    with transaction.atomic():
        result = resolve_customer(identities, actor=actor, source=source, country=country)
        if result.customer is None:
            raise Invalid(
                _("A device alone does not identify a customer. Add another identity."),
                code="device_only",
                field="identities",
            )
        if profile:
            update_customer(customer=result.customer, changes=profile, actor=actor)
        if anonymous_id:
            for join in VISITOR_JOINS:
                join(customer=result.customer, anonymous_id=anonymous_id, actor=actor)
    return result.customer, result.created
