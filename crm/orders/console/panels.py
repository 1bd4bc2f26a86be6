"""Panels of orders on the customer page."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from core.console.views import may
from crm.customers.models import Customer
from crm.customers.registry import TABS, Tab, panel
from crm.orders.selectors import orders as orders_orders

ORDERS_SHOWN = 5
TABS.register("orders", Tab(_("Orders"), order=10))


@panel(
    "orders",
    title=_("Orders"),
    template="crm/orders/panels/orders.html",
    permission="crm.view_order",
    order=10,
    tab="orders",
)
def _orders(customer: Customer, request: HttpRequest) -> dict[str, Any]:
    newest = list(orders_orders.orders_of(customer)[: ORDERS_SHOWN + 1])
    return {
        "orders": newest[:ORDERS_SHOWN],
        "more": len(newest) > ORDERS_SHOWN,
        "may_refund": may(request.user, "crm.add_refund"),
    }
