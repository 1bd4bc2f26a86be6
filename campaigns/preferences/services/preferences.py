"""Show and change a customer's consents, by channel and purpose, through a signed link without a sign-in (P1)."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from django.core import signing
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from campaigns.channels.registry import CHANNELS
from campaigns.templates.services.contexts import preferences_signer
from core.base.actor import Actor
from core.base.errors import Invalid
from core.db.locks import lock_row
from crm.customers.models import ConsentDecision, ConsentState, Customer, CustomerState, Identity, Purpose
from crm.customers.services.consents import record_consent

SOURCE = "preference centre"
PURPOSES = (Purpose.MARKETING, Purpose.SERVICE)


@dataclass(frozen=True)
class ConsentChoice:
    """Hold one switch. `granted`: messages of this purpose currently reach the customer on this channel."""

    channel: str
    purpose: str
    granted: bool

    @property
    def name(self) -> str:
        """Return the name of the form field: channel and purpose."""
        return f"{self.channel}.{self.purpose}"


def customer_of(token: str) -> Customer:
    """Return the customer of a signed link.

    Raises Invalid `link_invalid` when it is forged or the customer is not active.
    """
    try:
        pk = int(preferences_signer().unsign(token))
    except (signing.BadSignature, ValueError):
        raise Invalid(_("This link is not valid."), code="link_invalid") from None
    customer = Customer.objects.select_related("merged_into").filter(pk=pk).first()
    current = customer and (customer.merged_into or customer)
    if current is None or current.state != CustomerState.ACTIVE:
        raise Invalid(_("This link is not valid."), code="link_invalid")
    return current


def choices_of(customer: Customer) -> list[ConsentChoice]:
    """Return the channels that can reach the customer, and those for which a consent is stored."""
    consents = {
        (state.channel, state.purpose): state.granted
        for state in ConsentState.objects.filter(customer_id=customer.pk, purpose__in=PURPOSES)
    }
    kinds = set(Identity.objects.filter(customer=customer).values_list("kind", flat=True))
    choices = []
    for name, channel in CHANNELS.items():
        usable = (channel.address_kind is None or channel.address_kind in kinds) and channel.ready()
        if not usable and not any(place == name for place, _purpose in consents):
            continue
        for purpose in PURPOSES:
            # Without a stored consent, marketing is off on opt-in channels; service messages stop only at a refusal.
            silent = purpose == Purpose.SERVICE or not channel.opt_in
            choices.append(ConsentChoice(name, purpose, consents.get((name, purpose), silent)))
    return choices


def save_choices(*, token: str, wanted: Collection[str]) -> list[ConsentChoice]:
    """Store the choices: `wanted` are the names of switches that are on. Each change is written as a new consent."""
    with transaction.atomic():
        customer = lock_row(Customer.objects.filter(pk=customer_of(token).pk), weak=True)
        for choice in choices_of(customer):
            if (choice.name in wanted) != choice.granted:
                record_consent(
                    customer=customer,
                    channel=choice.channel,
                    purpose=choice.purpose,
                    decision=ConsentDecision.WITHDRAWN if choice.granted else ConsentDecision.GRANTED,
                    source=SOURCE,
                    evidence="signed link",
                    actor=Actor("member", customer.pk),
                )
        return choices_of(customer)
