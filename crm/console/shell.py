"""Parts that crm adds to the shell: its pages, its search sources, its figures on the home page."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import urlencode

from django.core.cache import cache
from django.db.models import Count, F, Min, Q, Sum
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from core.console import home, navigation, palette
from core.console.home import Card
from core.console.palette import SearchResult
from core.console.views import link
from core.formatting import ago, money, number
from crm.models import Customer, ImportRun, ImportState, Order, SpendAdjustment, Ticket, TicketStatus
from crm.selectors import customers
from crm.selectors.order_numbers import with_number

navigation.register(
    "imports",
    _("Imports"),
    url="imports",
    icon="file-import",
    permission="crm.view_importrun",
    section="data",
    order=10,
)
navigation.register(
    "customers",
    _("Customers"),
    url="customers",
    icon="users",
    permission="crm.view_customer",
    section="service",
    order=10,
)
navigation.register(
    "orders", _("Orders"), url="orders", icon="shopping-cart", permission="crm.view_order", section="service", order=20
)


def _all_matching(query: str) -> str:
    return f"{reverse('customers')}?{urlencode({'q': query})}"


@palette.source("customers", label=_("Customers"), permission="crm.view_customer", more=_all_matching)
def find_customers(request: HttpRequest, query: str, limit: int) -> list[SearchResult]:
    matches = list(customers.search(query).order_by("-created_at", "-id")[:limit])
    details = customers.rows(matches) if request.user.has_perm("crm.view_identity") else {}
    return [
        SearchResult(
            customer.name or _t("No name"),
            reverse("customer", args=[customer.number]),
            "user",
            " · ".join(filter(None, [details[customer.pk].phone if details else "", customer.number])),
        )
        for customer in matches
    ]


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


@home.card("tickets", place="needs", permission="crm.view_ticket", order=10)
def open_tickets(_request: HttpRequest) -> Card | None:
    tickets = Ticket.objects.filter(status=TicketStatus.OPEN).aggregate(
        count=Count("pk"), urgent=Count("pk", filter=Q(priority__gte=3)), oldest=Min("updated_at")
    )
    if not tickets["count"]:
        return None
    detail = _t("Longest without an answer: %(time)s") % {"time": ago(tickets["oldest"])}
    if tickets["urgent"]:
        detail = ngettext("%(count)s of high priority", "%(count)s of high priority", tickets["urgent"]) % {
            "count": number(tickets["urgent"])
        }
    return Card(
        _("Tickets to be answered"),
        number(tickets["count"]),
        url=f"{reverse('tickets')}?view=answer",
        detail=detail,
        tone="warn" if tickets["urgent"] else "",
    )


@home.card("imports", place="needs", permission="crm.view_importrun", order=20)
def imports_with_trouble(_request: HttpRequest) -> Card | None:
    recent = ImportRun.objects.filter(created_at__gte=timezone.now() - timedelta(days=7)).aggregate(
        failed=Count("pk", filter=Q(state=ImportState.FAILED)),
        partly=Count("pk", filter=Q(state=ImportState.DONE, refused_count__gt=0)),
        rows=Sum("refused_count", filter=Q(state=ImportState.DONE)),
    )
    if recent["failed"]:
        detail = _t("failed in the last 7 days")
        return Card(_("Imports"), number(recent["failed"]), url=link("imports"), detail=detail, tone="bad")
    if recent["partly"]:
        refused = recent["rows"]
        detail = ngettext(
            "%(rows)s row refused in the last 7 days", "%(rows)s rows refused in the last 7 days", refused
        )
        return Card(
            _("Imports with refused rows"),
            number(recent["partly"]),
            url=link("imports"),
            detail=detail % {"rows": number(refused)},
            tone="warn",
        )
    return None


@home.card("new_customers", place="changed", permission="crm.view_customer", order=10)
def new_customers(_request: HttpRequest) -> Card | None:
    now = timezone.now()
    week, before = now - timedelta(days=7), now - timedelta(days=14)
    recent = Customer.objects.active().filter(created_at__gte=before)
    counts = recent.aggregate(
        new=Count("pk", filter=Q(created_at__gte=week)), earlier=Count("pk", filter=Q(created_at__lt=week))
    )
    return Card(
        _("New customers in 7 days"),
        number(counts["new"]),
        url=f"{reverse('customers')}?since=7",
        detail=_t("%(count)s in the 7 days before") % {"count": number(counts["earlier"])},
    )


def _sums_of_30_days() -> list[dict]:
    """Sum the last 30 days by currency, most orders first. The result is cached, because it reads a month of orders."""
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


@home.card("revenue", place="numbers", permission="crm.view_order", order=10)
def revenue(_request: HttpRequest) -> Card | None:
    sums = cache.get_or_set("home:revenue", _sums_of_30_days, 60)
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
        url=f"{reverse('orders')}?days=30",
        detail=f"{more} · {detail}" if more else detail,
    )
