"""The list of orders."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from core.base.registry import Registry
from core.base.zones import parse_day, shop_midnight
from core.console.list_columns import Cell
from core.console.template_tags import TONE_OF
from core.db.paging import Count
from core.lists.declaration import Choices, Column, Empty, Filter, ObjectList, register
from core.text.formatting import day, money, number, when
from crm.customers.selectors import shop_currency
from crm.orders.models import Order, OrderState
from crm.orders.selectors.numbers import with_number

PERIODS = (7, 30, 90)
# Filters that upper subjects add, by their name.
FILTERS: Registry[Filter] = Registry("order filter")
ANY = "any"


def _periods(_request: HttpRequest) -> Choices:
    return [
        (
            str(count),
            ngettext("Paid in the last %(days)s day", "Paid in the last %(days)s days", count) % {"days": count},
        )
        for count in PERIODS
    ]


def _paid_since(_request: HttpRequest, orders: QuerySet[Order], value: str) -> QuerySet[Order]:
    if value not in {str(days) for days in PERIODS}:
        return orders
    return orders.filter(paid_at__gte=timezone.now() - timedelta(days=int(value)), state=OrderState.PAID)


def revenue_since(first: date, currency: str = ANY) -> dict[str, str]:
    """Return the query of the orders that count as bought, paid since the start of this day of the shop."""
    return {"from": first.isoformat(), "revenue": currency}


def _first_days(request: HttpRequest) -> Choices:
    """Offer only the day that is set."""
    chosen = parse_day(request.GET.get("from", ""))
    return [(chosen.isoformat(), _t("Paid since %(day)s") % {"day": day(chosen)})] if chosen else []


def _paid_from(_request: HttpRequest, orders: QuerySet[Order], value: str) -> QuerySet[Order]:
    first = parse_day(value)
    return orders.filter(paid_at__gte=shop_midnight(first)) if first else orders


def _currencies(_request: HttpRequest) -> Choices:
    return [(ANY, _t("In any currency")), (currency := shop_currency(), _t("In %(currency)s") % {"currency": currency})]


def _as_revenue(_request: HttpRequest, orders: QuerySet[Any], value: str) -> QuerySet[Any]:
    if value == ANY:
        return orders.bought()  # type: ignore[attr-defined, no-any-return]
    known = len(value) == 3 and value.isascii() and value.isalpha()
    return orders.bought().filter(currency=value) if known else orders  # type: ignore[attr-defined]


def _filters() -> list[Filter]:
    return [
        Filter("days", _("Period"), _periods, _paid_since),
        Filter("from", _("Paid"), _first_days, _paid_from, quiet=True),
        Filter("revenue", _("Net revenue"), _currencies, _as_revenue, quiet=True),
        *FILTERS,
    ]


def _customer(order: Order) -> Cell:
    if order.customer is None:
        return Cell(_("Guest"))
    return Cell(str(order.customer), url=reverse("customer", args=[order.customer.number]))


def _count(count: Count) -> str:
    if not count.exact:
        return _t("About %(shown)s orders") % {"shown": number(count.value)}
    return ngettext("%(shown)s order", "%(shown)s orders", count.value) % {"shown": number(count.value)}


def _amount(order: Order, amount: int) -> str:
    return money(amount, order.currency) if amount else ""


def _search(orders: QuerySet[Any], words: str) -> QuerySet[Any]:
    return with_number(orders, words[:64])


ORDERS = register(
    ObjectList(
        name="orders",
        title=_("Orders"),
        route="orders",
        model=Order,
        permission="crm.view_order",
        export="crm.export_customer",
        select=lambda _request: Order.objects.select_related("customer"),
        opens=lambda order: reverse("order", args=[order.pk]),
        order=("-placed_at", "-id"),
        columns=[
            Column("order", _("Order"), lambda row: row.number),
            Column("customer", _("Customer"), _customer, on_cards=False),
            Column(
                "state",
                _("State"),
                lambda row: Cell(row.get_state_display(), badge=TONE_OF.get(row.state, "off")),
                on_cards=False,
            ),
            Column(
                "placed",
                _("Placed at"),
                lambda row: when(row.placed_at),
                lambda row: row.placed_at.isoformat(),
                sort="placed_at",
                on_cards=False,
            ),
            Column("items", _("Items"), lambda row: number(row.item_count), lambda row: row.item_count, number=True),
            Column("total", _("Total"), lambda row: money(row.total, row.currency), number=True, on_cards=False),
            Column("refunded", _("Refunded"), lambda row: _amount(row, row.refunded), number=True),
            Column("channel", _("Sales channel"), lambda row: row.channel, shown=False),
        ],
        search=_search,
        placeholder=_("Full number or its last characters"),
        filters=_filters,
        counted=False,
        count=_count,
        empty=Empty(
            "shopping-cart",
            _("No orders"),
            _("Orders appear here when the storefront sends them or when you import a file."),
        ),
    )
)
