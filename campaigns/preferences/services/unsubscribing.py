"""Unsubscribe by the signed link at the foot of a message: one click ends marketing on that channel."""

from __future__ import annotations

from dataclasses import dataclass

from django.core import signing
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from campaigns.templates.services.contexts import link_signer
from core.base.actor import Actor
from core.base.errors import Invalid
from core.db.locks import lock_row
from crm.customers.models import ConsentDecision, ConsentState, Customer, CustomerState, Purpose
from crm.customers.services.consents import record_consent


@dataclass(frozen=True)
class UnsubscribeLink:
    """The content of an unsubscribe link."""

    message_id: str
    customer_id: int
    channel: str


def read_link(token: str) -> UnsubscribeLink:
    """Read a signed link. Raises Invalid `link_invalid` for a forged one. A valid link never expires."""
    try:
        message_id, customer_id, channel = link_signer().unsign(token).split(".")
        return UnsubscribeLink(message_id, int(customer_id), channel)
    except (signing.BadSignature, ValueError):
        raise Invalid(_("This link is not valid."), code="link_invalid") from None


def is_unsubscribed(link: UnsubscribeLink) -> bool:
    """Return whether the customer of the link gets no marketing on its channel."""
    state = ConsentState.objects.filter(
        customer_id=_current(link).pk, channel=link.channel, purpose=Purpose.MARKETING
    ).first()
    return state is not None and not state.granted


def unsubscribe(*, token: str, source: str = "unsubscribe link") -> UnsubscribeLink:
    """Withdraw the consent to marketing on the link's channel; idempotent. An erased customer has no consent left."""
    link = read_link(token)
    with transaction.atomic():
        customer = lock_row(Customer.objects.filter(pk=_current(link).pk), weak=True)
        if customer.state == CustomerState.ACTIVE and not is_unsubscribed(link):
            record_consent(
                customer=customer,
                channel=link.channel,
                purpose=Purpose.MARKETING,
                decision=ConsentDecision.WITHDRAWN,
                source=source,
                evidence=f"message {link.message_id}",
                actor=Actor("member", customer.pk),
            )
    return link


def _current(link: UnsubscribeLink) -> Customer:
    """Return the customer that this one was merged into, if any; a link sent before the merge still works."""
    customer = Customer.objects.select_related("merged_into").filter(pk=link.customer_id).first()
    if customer is None:
        raise Invalid(_("This link is not valid."), code="link_invalid")
    return customer.merged_into or customer
