"""Pages of orders: the list, the orders of one customer, and one order with its lines, payments and refunds."""

from __future__ import annotations

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext as _t

from core.console.views import link, may, page
from core.db import paging
from core.lists.showing import respond
from crm.customers.models import Customer
from crm.orders.console.listing import ORDERS
from crm.orders.models import Order, OrderState
from crm.orders.selectors.orders import order_with_everything

PAGE = 50


@page("crm.view_order")
def index(request: HttpRequest) -> HttpResponse:
    return respond(ORDERS, request)


@page("crm.view_order")
def of_customer(request: HttpRequest, number: str) -> HttpResponse:
    customer = get_object_or_404(Customer, number=number)
    heading = _t("Orders of %(name)s") % {"name": customer}
    return _list(request, customer.orders.select_related("customer"), {"customer": customer, "heading": heading})


def _list(request: HttpRequest, orders: QuerySet[Order], context: dict) -> HttpResponse:
    page_rows = paging.keyset(orders, ["-placed_at", "-id"], request.GET.get("cursor"), PAGE)
    return render(request, "crm/orders/orders.html", {"page": page_rows, "count": paging.count(orders), **context})


@page("crm.view_order")
def show(request: HttpRequest, pk: int) -> HttpResponse:
    order = get_object_or_404(order_with_everything(), pk=pk)
    sums = [
        (_t("Goods"), order.subtotal),
        (_t("Discount"), -order.discount),
        (_t("Paid with points"), -order.points_amount),
        (_t("Shipping"), order.shipping),
        (_t("Tax"), order.tax),
        (_t("Fees"), order.fees),
    ]
    tickets = [(ticket, link("ticket", ticket.number)) for ticket in order.tickets.all()]
    context = {
        "order": order,
        "sums": [(label, amount) for label, amount in sums if amount],
        "may_refund": order.state == OrderState.PAID
        and order.refunded < order.total
        and may(request.user, "crm.add_refund"),
        "kept": order.total - order.refunded,
        "tickets": tickets if request.user.has_perm("crm.view_ticket") else [],
    }
    return render(request, "crm/orders/order.html", context)
