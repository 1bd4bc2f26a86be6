"""Webhook events of orders."""

from __future__ import annotations

from collections.abc import Sequence

from django.utils.translation import gettext_lazy as _

from core.events.bus import Event
from core.webhooks.registry import Payload, publish
from crm.customers.webhooks import numbers_of
from crm.orders import events as orders_events
from crm.orders.models import Order


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


publish("order.placed", orders_events.ORDER_PLACED, _("Order placed"), _orders)
publish("order.paid", orders_events.ORDER_PAID, _("Order paid"), _orders)
publish("order.cancelled", orders_events.ORDER_CANCELLED, _("Order cancelled"), _orders)
publish("order.refunded", orders_events.ORDER_REFUNDED, _("Refund"), _orders)
