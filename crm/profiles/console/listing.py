"""Filters, columns and bulk actions of the customer list. Each app adds its own in `extensions`:

listing.FILTERS.register("stage", CustomerFilter(_("Stage"), choices=stage_choices, apply=in_stage))
listing.COLUMNS.register("tier", CustomerColumn(_("Tier"), load=tier_names, permission="loyalty.view_member"))
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpRequest, QueryDict
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from core.base.registry import Registry
from core.console.views import may
from crm.customers.models import Customer, CustomerTag, Tag
from crm.customers.registry import MATCHING
from crm.orders.models import Order
from crm.profiles import selectors

TAGS_SHOWN = 200


@dataclass(frozen=True)
class CustomerFilter:
    """A filter of the list. `choices` are (value, label) pairs; `apply` narrows the list.

    `apply` returns the list unchanged when the value is not valid. `quiet`: shown only while it is set.
    """

    label: str | Promise
    choices: Callable[[HttpRequest], Sequence[tuple[str, str]]]
    apply: Callable[[QuerySet[Customer], str], QuerySet[Customer]]
    permission: str | None = None
    quiet: bool = False


@dataclass(frozen=True)
class CustomerColumn:
    """A column of the list. `load` returns a text per customer id for one page of customers, in one query."""

    label: str | Promise
    load: Callable[[Sequence[Customer]], dict[int, str]]
    permission: str | None = None


@dataclass(frozen=True)
class BulkAction:
    """A button for the chosen rows. `choices` are offered in a list called `field`.

    As for tags, the form is posted to `url` with `customer` (numbers), or with `all`=yes and `matching`; see `chosen`.
    """

    label: str | Promise
    icon: str
    url: str
    permission: str
    field: str
    field_label: str | Promise
    choices: Callable[[HttpRequest], Sequence[tuple[str, str]]]


FILTERS: Registry[CustomerFilter] = Registry("customer filter")
COLUMNS: Registry[CustomerColumn] = Registry("customer column")
ACTIONS: Registry[BulkAction] = Registry("action on chosen customers")


def narrowed(request: HttpRequest, query: QueryDict) -> QuerySet[Customer]:
    """Return the customers that match the search words and filters of this query string."""
    return _matching(permitted(request, query))


def permitted(request: HttpRequest, query: QueryDict) -> dict[str, str]:
    """Return the search words and filters of this query string that this person may use, without empty ones."""
    filters = {"q": query.get("q", "").strip()}
    filters |= {name: query.get(name, "") for name, item in FILTERS.items() if may(request.user, item.permission)}
    return {name: value for name, value in filters.items() if value}


def chosen(request: HttpRequest) -> tuple[list[int], dict[str, str] | None]:
    """Return the targets of a bulk action: the ids of the chosen rows, or the filters when all matches are chosen."""
    if request.POST.get("all") == "yes":
        return [], permitted(request, QueryDict(request.POST.get("matching", "")))
    numbers = request.POST.getlist("customer")[:1000]
    return list(Customer.objects.active().filter(number__in=numbers).values_list("pk", flat=True)), None


def _matching(filters: Mapping[str, str]) -> QuerySet[Customer]:
    customers = selectors.search(filters.get("q", ""))
    for name, value in filters.items():
        item = FILTERS.get(name)
        if item is not None:
            customers = item.apply(customers, value)
    return customers


def _tags(_request: HttpRequest) -> list[tuple[str, str]]:
    return [(str(pk), name) for pk, name in Tag.objects.values_list("pk", "name")[:TAGS_SHOWN]]


def _with_tag(customers: QuerySet[Customer], value: str) -> QuerySet[Customer]:
    if not (value.isascii() and value.isdigit()):
        return customers
    return customers.filter(Exists(CustomerTag.objects.filter(customer=OuterRef("pk"), tag_id=int(value[:18]))))


def _periods(_request: HttpRequest) -> list[tuple[str, str]]:
    last = [
        (str(days), ngettext("Last %(days)s day", "Last %(days)s days", days) % {"days": days}) for days in (7, 30, 90)
    ]
    return [("1", _t("Since yesterday")), *last]


def _since(customers: QuerySet[Customer], value: str) -> QuerySet[Customer]:
    if value not in {"1", "7", "30", "90"}:
        return customers
    return customers.filter(created_at__gte=timezone.now() - timedelta(days=int(value)))


def _purchases(_request: HttpRequest) -> list[tuple[str, str]]:
    return [("yes", _t("Has bought")), ("no", _t("Never bought"))]


def _bought(customers: QuerySet[Customer], value: str) -> QuerySet[Customer]:
    paid = Exists(Order.objects.bought().filter(customer=OuterRef("pk")))
    return customers.filter(paid) if value == "yes" else customers.exclude(paid) if value == "no" else customers


FILTERS.register("tag", CustomerFilter(_("Tag"), choices=_tags, apply=_with_tag, permission="crm.view_tag"))
FILTERS.register("since", CustomerFilter(_("Known since"), choices=_periods, apply=_since))
FILTERS.register(
    "bought", CustomerFilter(_("Purchases"), choices=_purchases, apply=_bought, permission="crm.view_order")
)
MATCHING.register("customers", _matching)
