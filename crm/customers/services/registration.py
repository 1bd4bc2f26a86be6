"""Registration of a customer by the storefront: identities, profile and earlier activity."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from core.base.actor import Actor
from core.base.errors import Invalid
from crm.customers.models import Customer
from crm.customers.registry import VISITOR_JOINS
from crm.customers.services.customers import checked_changes, update_customer
from crm.customers.services.identities import GivenIdentity, resolve_customer


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
