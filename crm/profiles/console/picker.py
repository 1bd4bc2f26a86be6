"""Find one customer for a field: suggestions while typing, or a page of results without script."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode, urlsplit

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _t

from core.console.views import may, page, wants_part
from core.text.formatting import day
from crm.customers.models import Customer
from crm.profiles import selectors
from crm.profiles.console import listing

MOST = 8


@dataclass(frozen=True)
class Suggestion:
    """One customer. `details` tell namesakes apart: masked contact, tier, region, last order."""

    customer: Customer
    details: list[str]
    url: str


@page("crm.view_customer")
def pick(request: HttpRequest) -> HttpResponse:
    """Suggest customers for the typed words. `field` names the field that the number is for."""
    field = request.GET.get("field", "")[:40]
    words = (request.GET.get("q") or request.GET.get(field) or "").strip()[:100]
    target = request.GET.get("next", "")
    if not url_has_allowed_host_and_scheme(target, {request.get_host()}, request.is_secure()):
        target = ""
    suggestions = suggest(request, words, target, field) if words else []
    context = {"words": words, "suggestions": suggestions, "field": field, "next": target}
    if wants_part(request):
        return render(request, "crm/profiles/picker_options.html", context)
    return render(request, "crm/profiles/picker.html", context)


def suggest(request: HttpRequest, words: str, target: str, field: str) -> list[Suggestion]:
    customers = selectors.newest_matches(words, MOST)
    rows = selectors.rows(customers)
    tier = listing.COLUMNS.get("tier")
    tiers = tier.load(customers) if tier is not None and may(request.user, tier.permission) else {}
    contacts, orders = may(request.user, "crm.view_identity"), may(request.user, "crm.view_order")
    suggestions = []
    for customer in customers:
        row = rows[customer.pk]
        last = row.spending[0].last_at if orders and row.spending else None
        details = [
            customer.number,
            (row.phone or row.email) if contacts else "",
            tiers.get(customer.pk, ""),
            customer.region,
            _t("last order %(day)s") % {"day": day(last)} if last else "",
        ]
        url = _with(target, field, customer.number) if target else reverse("customer", args=[customer.number])
        suggestions.append(Suggestion(customer, [text for text in details if text], url))
    return suggestions


def _with(target: str, field: str, number: str) -> str:
    """Return the page that asked, with the chosen number in its field."""
    parts = urlsplit(target)
    query = [(name, value) for name, value in parse_qsl(parts.query) if name != field]
    return parts._replace(query=urlencode([*query, (field, number)])).geturl()
