"""Pages of possible duplicates: the pairs to decide, and one pair side by side."""

from __future__ import annotations

from dataclasses import dataclass

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.functional import Promise
from django.utils.translation import gettext as _t

from core.base.actor import of_user
from core.console.views import may, page
from core.db import paging
from core.text.formatting import day, money, number
from crm.customers import registry as panels
from crm.customers import selectors as profile
from crm.customers.labels import source_label
from crm.customers.models import Customer, CustomerState, DuplicateCandidate, DuplicateState
from crm.customers.services import duplicates as services
from crm.profiles import selectors

PAGE = 30


@dataclass(frozen=True)
class ComparedRow:
    """One value of both customers. `same` marks equal values, which are not empty."""

    label: str | Promise
    first: str
    second: str

    @property
    def same(self) -> bool:
        return bool(self.first) and self.first == self.second


def _pairs() -> QuerySet[DuplicateCandidate]:
    """Return the pairs whose customers are both active."""
    return DuplicateCandidate.objects.select_related("first", "second").filter(
        first__state=CustomerState.ACTIVE, second__state=CustomerState.ACTIVE
    )


@page("crm.view_duplicatecandidate")
def index(request: HttpRequest) -> HttpResponse:
    """List the pairs to decide, the newest first, or with `show=distinct` those that were answered."""
    chosen = DuplicateState.DISTINCT if request.GET.get("show") == "distinct" else DuplicateState.OPEN
    pairs = _pairs().filter(state=chosen)
    pairs_page = paging.keyset(pairs, ["-suspected_at", "-id"], request.GET.get("cursor"), PAGE)
    people = [customer for pair in pairs_page for customer in (pair.first, pair.second)]
    details = selectors.rows(people) if may(request.user, "crm.view_identity") else {}
    context = {
        "page": pairs_page,
        "rows": [
            (pair, [(person, details.get(person.pk)) for person in (pair.first, pair.second)]) for pair in pairs_page
        ],
        "count": paging.count(pairs),
        "chosen": chosen,
        "states": [("", DuplicateState.OPEN.label), ("distinct", DuplicateState.DISTINCT.label)],
    }
    return render(request, "crm/profiles/duplicates.html", context)


@page("crm.view_duplicatecandidate")
def show(request: HttpRequest, pk: int) -> HttpResponse:
    pair = get_object_or_404(_pairs(), pk=pk)
    context = {
        "pair": pair,
        "rows": _compared(request, pair.first, pair.second),
        "may_decide": may(request.user, "crm.change_duplicatecandidate"),
        "open": pair.state == DuplicateState.OPEN,
    }
    return render(request, "crm/profiles/duplicate.html", context)


@page("crm.change_duplicatecandidate", methods=("POST",))
def decide(request: HttpRequest, pk: int) -> HttpResponse:
    """Record that the two are not the same person, or with `answer=open` withdraw this answer."""
    pair = get_object_or_404(_pairs(), pk=pk)
    if request.POST.get("answer") == "open":
        services.reopen_duplicate(pair=pair, actor=of_user(request.user))
        messages.success(request, _t("The pair is to be decided again."))
        return redirect("duplicate", pk)
    services.dismiss_duplicate(pair=pair, actor=of_user(request.user))
    messages.success(request, _t("Noted: not the same person. The pair is not proposed again."))
    return redirect("duplicates")


def _compared(request: HttpRequest, *pair: Customer) -> list[ComparedRow]:
    """Return what the two customers are compared by; contacts stay masked, and figures need their permission."""
    columns = [_values(request, customer) for customer in pair]
    labels = list(dict.fromkeys(label for column in columns for label in column))
    return [ComparedRow(label, columns[0].get(label, ""), columns[1].get(label, "")) for label in labels]


def _values(request: HttpRequest, customer: Customer) -> dict[str, str]:
    row = selectors.rows([customer])[customer.pk]
    values = {_t("Name"): customer.name, _t("Customer number"): customer.number}
    if may(request.user, "crm.view_identity"):
        for contact in profile.contacts(customer):
            label = str(contact.label)
            mark = _t("%(contact)s (verified)") % {"contact": contact.masked} if contact.verified_at else contact.masked
            values[label] = "\n".join(filter(None, [values.get(label, ""), mark]))
    values |= {
        _t("Birthday"): profile.masked_birthday(customer),
        _t("Region"): customer.region,
        _t("Known since"): day(customer.created_at),
        _t("Source"): source_label(customer.source),
    }
    for fact in panels.facts(customer, request):
        values[str(fact.label)] = fact.value
    if may(request.user, "crm.view_order"):
        values[_t("Paid orders")] = number(row.orders)
        values[_t("Spent")] = "\n".join(money(item.amount, item.currency) for item in row.spending)
        last = row.spending[0].last_at if row.spending else None
        values[_t("Last order")] = day(last) if last else ""
    values[_t("Tags")] = _t(", ").join(row.tags)
    return values
