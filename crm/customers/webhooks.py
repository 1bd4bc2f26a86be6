"""Webhook events that crm publishes, and the way a public payload names a customer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from django.utils.translation import gettext_lazy as _

from core.events.bus import Event
from core.webhooks.registry import Payload, publish
from crm.customers import events as kinds
from crm.customers.models import Customer


def numbers_of(events: Sequence[Event]) -> dict[int, str]:
    """Return the customer numbers of the subjects of these events, with one query."""
    ids = {event.subject_id for event in events if event.subject_id}
    return dict(Customer.objects.filter(pk__in=ids).values_list("pk", "number"))


def about_customer(
    data: Callable[[dict[str, Any]], Payload] = lambda payload: {},
) -> Callable[[Sequence[Event]], list[Payload | None]]:
    """Build payloads of `customer` and the values that `data` takes from the event; None without such a customer."""

    def build(events: Sequence[Event]) -> list[Payload | None]:
        numbers = numbers_of(events)
        return [
            {"customer": numbers[event.subject_id], **data(event.payload)}
            if event.subject_id and event.subject_id in numbers
            else None
            for event in events
        ]

    return build


def picking(*names: str, **renamed: str) -> Callable[[dict[str, Any]], Payload]:
    """Take these fields of an event's payload unchanged; `renamed` maps a public name to the event's own."""
    wanted = {**{name: name for name in names}, **renamed}
    return lambda payload: {public: payload.get(own) for public, own in wanted.items()}


publish("customer.created", kinds.CUSTOMER_CREATED, _("Customer created"), about_customer())
publish("customer.updated", kinds.CUSTOMER_UPDATED, _("Profile changed"), about_customer(picking("fields")))
publish(
    "consent.changed",
    kinds.CONSENT_CHANGED,
    _("Consent changed"),
    about_customer(picking("channel", "purpose", "decision")),
)
