"""Webhook events that crm publishes, and the way a public payload names a customer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from django.utils.translation import gettext_lazy as _

from core.events import Event
from core.webhooks import Payload, publish
from crm import events as kinds
from crm.models import Customer, Order


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


def _orders(events: Sequence[Event]) -> list[Payload | None]:
    """`customer` is null for a guest's order; a number is unique within its `source`. Amounts are minor units."""
    numbers = numbers_of(events)
    orders = Order.objects.in_bulk([event.payload["order"] for event in events])
    payloads: list[Payload | None] = []
    for event in events:
        order = orders.get(event.payload["order"])
        if order is None:
            payloads.append(None)
            continue
        data: Payload = {
            "customer": numbers.get(event.subject_id or 0),
            "order": order.number,
            "source": order.source,
            "total": order.total,
            "currency": order.currency,
        }
        if "amount" in event.payload:
            data["refunded"] = event.payload["amount"]
        payloads.append(data)
    return payloads


publish("customer.created", kinds.CUSTOMER_CREATED, _("Customer created"), about_customer())
publish("customer.updated", kinds.CUSTOMER_UPDATED, _("Profile changed"), about_customer(picking("fields")))
publish(
    "consent.changed",
    kinds.CONSENT_CHANGED,
    _("Consent changed"),
    about_customer(picking("channel", "purpose", "decision")),
)
publish("order.placed", kinds.ORDER_PLACED, _("Order placed"), _orders)
publish("order.paid", kinds.ORDER_PAID, _("Order paid"), _orders)
publish("order.cancelled", kinds.ORDER_CANCELLED, _("Order cancelled"), _orders)
publish("order.refunded", kinds.ORDER_REFUNDED, _("Refund"), _orders)
publish("ticket.opened", kinds.TICKET_OPENED, _("Ticket opened"), about_customer(picking("origin", ticket="number")))
publish("ticket.replied", kinds.TICKET_REPLIED, _("Ticket answered"), about_customer(picking("by", ticket="number")))
publish(
    "ticket.reopened", kinds.TICKET_REOPENED, _("Ticket opened again"), about_customer(picking("by", ticket="number"))
)
publish("ticket.resolved", kinds.TICKET_RESOLVED, _("Ticket resolved"), about_customer(picking(ticket="number")))
publish(
    "ticket.rated", kinds.TICKET_RATED, _("Satisfaction answered"), about_customer(picking("score", ticket="number"))
)
