"""Finding customers: by what someone on the telephone can say, at the same speed for a million of them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from django.contrib.postgres.fields import ArrayField
from django.db.models import CharField, Count, F, Func, Max, Q, QuerySet, Sum, TextField, Value
from django.db.models.functions import Lower, Replace

from core import crypto
from crm.models import Customer, CustomerTag, Identity, Order, SpendAdjustment, Store, Ticket
from crm.rules.identities import mask, normalise
from crm.selectors.order_numbers import with_number

PHONE = re.compile(r"\+?[\d\s\-().]{6,20}\Z")
CODED = ("storefront", "card", "wechat_openid", "wechat_unionid", "wecom_external")
MOST_EXACT = 500
# Four digits are the end of a phone number.
SHORTEST_ORDER_TAIL = 5


def search(query: str) -> QuerySet[Customer]:
    """Active customers whom these words name.

    An e-mail address, phone number, the last four digits of one, customer or ticket number, order number or its tail, or
    another id is taken as exactly that when it is one; anything else is part of a name. Every word has to be in the name.
    """
    query = " ".join(query.replace("\x00", " ").split())[:100]
    customers = Customer.objects.active()
    if not query:
        return customers
    exact = exact_matches(query)
    if exact:
        return customers.filter(pk__in=exact)
    return named(customers, query)


def exact_matches(query: str) -> set[int]:
    """Ids of customers whom this text identifies. Plain words, which identify nobody, cost no query."""
    if "@" not in query and not any(char.isdigit() for char in query):
        return set()
    found = _by_identity(query)
    if "@" not in query:
        found |= set(Customer.objects.filter(number=query).values_list("pk", flat=True))
        orders = with_number(Order.objects.filter(customer__isnull=False), query, shortest=SHORTEST_ORDER_TAIL)
        found |= set(orders.values_list("customer_id", flat=True)[:MOST_EXACT])
        if query[:1] in "Tt":
            found |= set(Ticket.objects.filter(number=query.upper()).values_list("customer_id", flat=True))
    return found


def _by_identity(query: str) -> set[int]:
    wanted = Q(pk__in=[])
    if "@" in query:
        wanted |= _is("email", query)
    else:
        digits = re.sub(r"[\s\-().]", "", query)
        if digits.isascii() and digits.isdigit() and len(digits) == 4:
            wanted |= Q(tail_index__in=crypto.blind_indexes(digits, "identity:phone_tail"))
        if PHONE.match(query):
            wanted |= _is("phone", query, default_country())
        for kind in CODED:
            wanted |= _is(kind, query)
    return set(Identity.objects.filter(wanted).values_list("customer_id", flat=True)[:MOST_EXACT])


def _is(kind: str, value: str, country: str = "CN") -> Q:
    try:
        normal = normalise(kind, value, country)
    except ValueError:
        return Q(pk__in=[])
    return Q(kind=kind, value_index__in=crypto.blind_indexes(normal, f"identity:{kind}"))


def default_country() -> str:
    return Store.objects.filter(is_default=True).values_list("country", flat=True).first() or "CN"


def named(customers: QuerySet[Customer], query: str) -> QuerySet[Customer]:
    """Customers with all these words in their name, in any script.

    One character matches the beginning of the name; from two on, the index of neighbouring characters finds the
    candidates and the comparison drops those that only have the same pairs in another order.
    """
    words = query.lower().split()
    if len(words) == 1 and len(words[0]) == 1:
        return customers.alias(_lower=Lower("name")).filter(_lower__startswith=words[0])
    pairs = Func(F("name"), function="crm_bigrams", output_field=ArrayField(TextField()))
    customers = customers.alias(
        _pairs=pairs, _folded=Replace(Lower("name"), Value(" "), Value(""), output_field=CharField())
    )
    for word in words:
        if len(word) > 1:
            given = Func(
                Value(word, output_field=TextField()), function="crm_bigrams", output_field=ArrayField(TextField())
            )
            customers = customers.filter(_pairs__contains=given)
        customers = customers.filter(_folded__contains=word)
    return customers


@dataclass
class Row:
    """What the list shows of one customer beside their own columns."""

    phone: str = ""
    email: str = ""
    tags: list[str] = field(default_factory=list)
    spending: list[Spending] = field(default_factory=list)

    @property
    def orders(self) -> int:
        return sum(item.orders for item in self.spending)


@dataclass(frozen=True)
class Spending:
    """What was bought in one currency: `amount` is minor units net of refunds and with `adjusted`, which no order shows."""

    currency: str
    orders: int
    amount: int
    last_at: datetime | None
    adjusted: int = 0


def rows(customers: Iterable[Customer]) -> dict[int, Row]:
    """Masked contacts, tags and purchases of these customers, in four queries."""
    found = {customer.pk: Row() for customer in customers}
    identities = Identity.objects.filter(customer_id__in=found, kind__in=["phone", "email"]).order_by("id")
    for identity in identities.only("customer_id", "kind", "value"):
        row = found[identity.customer_id]
        if not getattr(row, identity.kind):
            setattr(row, identity.kind, mask(identity.kind, identity.value))
    for customer_id, name in (
        CustomerTag.objects.filter(customer_id__in=found).order_by("tag__name").values_list("customer_id", "tag__name")
    ):
        found[customer_id].tags.append(name)
    for customer_id, spent in spending(found).items():
        found[customer_id].spending = spent
    return found


def spending(customer_ids: Iterable[int]) -> dict[int, list[Spending]]:
    """Per customer and currency, the currency with most orders first."""
    sums = (
        Order.objects.bought()
        .filter(customer_id__in=list(customer_ids))
        .values("customer_id", "currency")
        .annotate(orders=Count("pk"), amount=Sum(F("total") - F("refunded")), last_at=Max("paid_at"))
        .order_by("customer_id", "-orders", "currency")
    )
    rows = (
        SpendAdjustment.objects.filter(customer_id__in=list(customer_ids))
        .order_by("customer_id", "currency")
        .values_list("customer_id", "currency")
        .annotate(Sum("amount"))
    )
    adjusted = {(pk, currency): amount for pk, currency, amount in rows}
    result: dict[int, list[Spending]] = {}
    for item in sums:
        more = adjusted.pop((item["customer_id"], item["currency"]), 0)
        spent = Spending(item["currency"], item["orders"], item["amount"] + more, item["last_at"], more)
        result.setdefault(item["customer_id"], []).append(spent)
    for (pk, currency), amount in adjusted.items():
        result.setdefault(pk, []).append(Spending(currency, 0, amount, None, amount))
    return result
