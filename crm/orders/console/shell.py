"""Navigation, search and home cards of orders."""

from __future__ import annotations

from datetime import timedelta

from django.db.models import Count, F, Sum
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from core.console import home, kept, palette
from core.console.home import Card
from core.console.palette import SearchResult
from core.text.formatting import money, number
from crm.orders.console.listing import ANY
from crm.orders.models import Order, SpendAdjustment
from crm.orders.selectors.numbers import with_number

SUMS = "crm.revenue_sums"


@palette.source("orders", label=_("Orders"), permission="crm.view_order")
def find_orders(_request: HttpRequest, query: str, limit: int) -> list[SearchResult]:
    """Find orders by number or its last characters, because orders of guests have no customer to search for."""
    if not any(char.isdigit() for char in query):
        return []
    return [
        SearchResult(
            _t("Order %(number)s") % {"number": order.number},
            reverse("order", args=[order.pk]),
            "shopping-cart",
            money(order.total, order.currency),
        )
        for order in with_number(Order.objects.all(), query).order_by("-placed_at", "-id")[:limit]
    ]


@kept.figure(SUMS)
def sums_of_30_days() -> list[dict]:
    """Sum the last 30 days by currency, most orders first."""
    since = timezone.now() - timedelta(days=30)
    sums = list(
        Order.objects.bought()
        .filter(paid_at__gte=since)
        .values("currency")
        .annotate(orders=Count("pk"), amount=Sum(F("total") - F("refunded")))
        .order_by("-orders")
    )
    adjusted = SpendAdjustment.objects.filter(occurred_at__gte=since).order_by().values_list("currency")
    more = dict(adjusted.annotate(Sum("amount")))
    return [{**row, "amount": row["amount"] + more.get(row["currency"], 0)} for row in sums]


@home.card("revenue", place="numbers", permission="crm.view_order", order=10, homes=("marketer",))
def revenue(request: HttpRequest) -> Card | None:
    sums = kept.of(request).get(SUMS)
    if not sums:
        return None
    main, others = sums[0], sums[1:]
    count = sum(item["orders"] for item in sums)
    detail = ngettext("%(count)s order, net of refunds", "%(count)s orders, net of refunds", count) % {
        "count": number(count)
    }
    more = " · ".join(f"+ {money(item['amount'], item['currency'])}" for item in others)
    return Card(
        _("Revenue in 30 days"),
        money(main["amount"], main["currency"]),
        url=f"{reverse('orders')}?days=30&revenue={ANY}",
        detail=f"{more} · {detail}" if more else detail,
    )
