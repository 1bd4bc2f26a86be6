"""Orders by number as people type it: the whole number or its last characters, case-insensitive."""

from __future__ import annotations

from django.db.models import QuerySet
from django.db.models.functions import Reverse, Upper

from crm.orders.models import Order

# A shorter tail would match a page of other customers' orders.
SHORTEST_TAIL = 3
LONGEST = 64


def with_number(orders: QuerySet[Order], typed: str, *, shortest: int = SHORTEST_TAIL) -> QuerySet[Order]:
    """Narrow orders to those whose number equals this text or ends with it, case-insensitive.

    A text of fewer than `shortest` characters must be the whole number. One index of the reversed number serves both
    cases (`crm_order_number_tail`).
    """
    text = typed.replace("\x00", "").strip()[:LONGEST]
    if not text:
        return orders.none()
    turned = orders.alias(turned_number=Reverse(Upper("number")))
    if len(text) < shortest:
        return turned.filter(turned_number=text.upper()[::-1])
    return turned.filter(turned_number__startswith=text.upper()[::-1])
