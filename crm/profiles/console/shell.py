"""Parts that crm adds to the shell: its pages, its search sources, its figures on the home page."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import urlencode

from django.db.models import Count, Q
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from core.console import home, kept, navigation, palette
from core.console.home import Card
from core.console.palette import SearchResult
from core.console.views import may
from core.text.formatting import ago, number
from crm.customers.models import Customer
from crm.profiles import selectors as customers
from crm.profiles.console import listing

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
    """Find customers. Phone, number, tier, region and last order distinguish namesakes."""
    matches = customers.newest_matches(query, limit)
    details = customers.rows(matches)
    tier = listing.COLUMNS.get("tier")
    tiers = tier.load(matches) if tier is not None and matches and may(request.user, tier.permission) else {}
    may_see_contacts = may(request.user, "crm.view_identity")
    may_see_orders = may(request.user, "crm.view_order")
    results = []
    for customer in matches:
        row = details[customer.pk]
        last = row.spending[0].last_at if may_see_orders and row.spending else None
        parts = [
            row.phone if may_see_contacts else "",
            customer.number,
            tiers.get(customer.pk, ""),
            customer.region,
            _t("last order %(time)s") % {"time": ago(last)} if last else "",
        ]
        url = reverse("customer", args=[customer.number])
        results.append(SearchResult(customer.name or _t("No name"), url, "user", " · ".join(filter(None, parts))))
    return results


NEW = "crm.new_customers"


@kept.figure(NEW)
def count_new_customers() -> dict[str, int]:
    now = timezone.now()
    week, before = now - timedelta(days=7), now - timedelta(days=14)
    return (
        Customer.objects.active()
        .filter(created_at__gte=before)
        .aggregate(new=Count("pk", filter=Q(created_at__gte=week)), earlier=Count("pk", filter=Q(created_at__lt=week)))
    )


@home.card("new_customers", place="changed", permission="crm.view_customer", order=10)
def new_customers(request: HttpRequest) -> Card | None:
    counts = kept.of(request).get(NEW)
    if counts is None:
        return None
    return Card(
        _("New customers in 7 days"),
        number(counts["new"]),
        url=f"{reverse('customers')}?since=7",
        detail=_t("%(count)s in the 7 days before") % {"count": number(counts["earlier"])},
    )
