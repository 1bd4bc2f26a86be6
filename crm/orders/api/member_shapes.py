"""Fields of orders that a member token can read."""

from __future__ import annotations

from core.api.shapes import picked
from crm.orders.api import serializers as shapes

MemberOrder = picked(
    "MemberOrder",
    shapes.OrderOut,
    *("number", "state", "customer", "currency", "subtotal", "discount", "points_amount", "shipping", "tax", "fees"),
    *("total", "refunded", "placed_at", "paid_at"),
)
