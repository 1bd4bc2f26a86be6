"""Event handlers of coupons."""

from __future__ import annotations

from collections.abc import Sequence

from campaigns.coupons.services import uses as coupon_uses
from core.events.bus import Effect, Event, subscribe
from crm.orders.events import ORDER_REFUNDED, ORDERS_IMPORTED
from crm.orders.models import Refund


@subscribe(ORDER_REFUNDED, name="campaigns.give_back_coupons", effect=Effect.POINTS)
def give_back_coupons(events: Sequence[Event]) -> None:
    """Give back the coupons of refunded orders; idempotent, because a use is released once."""
    coupon_uses.give_back_coupons(order_ids=sorted({event.payload["order"] for event in events}))


@subscribe(ORDERS_IMPORTED, name="campaigns.give_back_coupons_of_imports", long=True)
def give_back_coupons_of_imports(events: Sequence[Event]) -> None:
    """Give back the coupons of refunds in imported files, as points are given back."""
    refunds = Refund.objects.filter(import_run_id__in=[event.payload["run"] for event in events])
    orders = list(refunds.values_list("order_id", flat=True).order_by("order_id").distinct())
    for start in range(0, len(orders), 1000):
        coupon_uses.give_back_coupons(order_ids=orders[start : start + 1000])
