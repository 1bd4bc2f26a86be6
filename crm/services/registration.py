"""A customer as a whole, as the storefront knows them: who they are, their profile, what they did before."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from core.actor import Actor
from core.errors import Invalid
from crm.models import Customer
from crm.services.activity import join_anonymous_activity
from crm.services.customers import checked_changes, update_customer
from crm.services.identities import GivenIdentity, resolve_customer


def register_customer(
    *,
    identities: Sequence[GivenIdentity],
    profile: dict[str, Any],
    actor: Actor,
    source: str,
    country: str,
    anonymous_id: str = "",
) -> tuple[Customer, bool]:
    """Find or create the customer, bring the profile up to date and join their visits (S5), in one transaction.

    Returns the customer and whether they are new.
    Raises Invalid; `device_only` when nothing but a device is given, which names nobody.
    """
    checked_changes(profile)
    with transaction.atomic():
        result = resolve_customer(identities, actor=actor, source=source, country=country)
        if result.customer is None:
            raise Invalid(
                _("A device alone names nobody; add another identity."), code="device_only", field="identities"
            )
        if profile:
            update_customer(customer=result.customer, changes=profile, actor=actor)
        if anonymous_id:
            join_anonymous_activity(customer=result.customer, anonymous_id=anonymous_id, actor=actor)
    return result.customer, result.created
