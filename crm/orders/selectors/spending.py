"""Spending of orders."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, F, Max, Sum

from crm.orders.models import Order, SpendAdjustment


@dataclass(frozen=True)
class Spending:
    """Purchases in one currency.

    `amount` is minor units net of refunds, including `adjusted` (not part of any order).
    """

    currency: str
    orders: int
    amount: int
    last_at: datetime | None
    adjusted: int = 0


def spending(customer_ids: Iterable[int]) -> dict[int, list[Spending]]:
    """Return purchases per customer and currency, the currency with most orders first."""
    sums = (
        Order.objects.bought()
        .filter(customer_id__in=list(customer_ids))
        .values("customer_id", "currency")
        .annotate(orders=Count("pk"), amount=Sum(F("total") - F("refunded")), last_at=Max("paid_at"))
        .order_by("customer_id", "-orders", "currency")
    )
    rows = (
        SpendAdjustment.objects.filter(customer_id__in=list(customer_ids))
        .order_by("customer_id", "currency")
        .values_list("customer_id", "currency")
        .annotate(Sum("amount"))
    )
    adjusted = {(pk, currency): amount for pk, currency, amount in rows}
    result: dict[int, list[Spending]] = {}
    for item in sums:
        more = adjusted.pop((item["customer_id"], item["currency"]), 0)
        spent = Spending(item["currency"], item["orders"], item["amount"] + more, item["last_at"], more)
        result.setdefault(item["customer_id"], []).append(spent)
    for (pk, currency), amount in adjusted.items():
        result.setdefault(pk, []).append(Spending(currency, 0, amount, None, amount))
    return result
