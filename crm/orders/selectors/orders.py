"""Orders of orders."""

from __future__ import annotations

from django.db.models import Prefetch, QuerySet

from crm.customers.models import Customer
from crm.orders.models import Order, OrderLine, Payment, Refund, RefundLine


def orders_of(customer: Customer) -> QuerySet[Order]:
    """Return the customer's orders with lines and refunds, newest first: three queries for any number of orders."""
    lines = OrderLine.objects.select_related("product").order_by("position")
    return customer.orders.order_by("-placed_at").prefetch_related(
        Prefetch("lines", lines), Prefetch("refunds", Refund.objects.order_by("refunded_at"))
    )


def order_with_everything() -> QuerySet[Order]:
    refund_lines = RefundLine.objects.select_related("line", "line__product")
    return Order.objects.select_related("store", "customer").prefetch_related(
        Prefetch("lines", OrderLine.objects.select_related("product").order_by("position")),
        Prefetch("payments", Payment.objects.order_by("paid_at")),
        Prefetch("refunds", Refund.objects.order_by("refunded_at").prefetch_related(Prefetch("lines", refund_lines))),
        "tickets",
    )
