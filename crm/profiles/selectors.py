"""Customer search by anything a caller can say, at the same speed for a million customers, and figures of the list."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from django.contrib.postgres.fields import ArrayField
from django.db.models import CharField, F, Func, Q, QuerySet, TextField, Value
from django.db.models.functions import Lower, Replace

from core.security import crypto
from crm.customers.models import Customer, CustomerTag, Identity
from crm.customers.rules.identities import mask, normalise
from crm.customers.selectors import default_country
from crm.desk.models import Ticket
from crm.orders.models import Order
from crm.orders.selectors.numbers import with_number
from crm.orders.selectors.spending import Spending, spending

PHONE = re.compile(r"\+?[\d\s\-().]{6,20}\Z")
CODED = ("storefront", "card", "wechat_openid", "wechat_unionid", "wecom_external")
MOST_EXACT = 500
# A tail of four digits is taken as the end of a phone number.
SHORTEST_ORDER_TAIL = 5


def search(query: str) -> QuerySet[Customer]:
    """Return the active customers that these words identify.

    The query is matched exactly when it is an e-mail address, a phone number or its last four digits, a customer or
    ticket number, an order number or its tail, or another id. Any other query is part of a name, and every word must be
    in it.
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
    """Return the ids of the customers that this text identifies. Words without digits or @ cost no query."""
    if "@" not in query and not any(char.isdigit() for char in query):
        return set()
    ids = _by_identity(query)
    if "@" not in query:
        ids |= set(Customer.objects.filter(number=query).values_list("pk", flat=True))
        orders = with_number(Order.objects.filter(customer__isnull=False), query, shortest=SHORTEST_ORDER_TAIL)
        ids |= set(orders.values_list("customer_id", flat=True)[:MOST_EXACT])
        if query[:1] in "Tt":
            ids |= set(Ticket.objects.filter(number=query.upper()).values_list("customer_id", flat=True))
    return ids


def _by_identity(query: str) -> set[int]:
    condition = Q(pk__in=[])
    if "@" in query:
        condition |= _is("email", query)
    else:
        digits = re.sub(r"[\s\-().]", "", query)
        if digits.isascii() and digits.isdigit() and len(digits) == 4:
            condition |= Q(tail_index__in=crypto.blind_indexes(digits, "identity:phone_tail"))
        if PHONE.match(query):
            condition |= _is("phone", query, default_country())
        for kind in CODED:
            condition |= _is(kind, query)
    return set(Identity.objects.filter(condition).values_list("customer_id", flat=True)[:MOST_EXACT])


def _is(kind: str, value: str, country: str = "CN") -> Q:
    try:
        normal = normalise(kind, value, country)
    except ValueError:
        return Q(pk__in=[])
    return Q(kind=kind, value_index__in=crypto.blind_indexes(normal, f"identity:{kind}"))


def named(customers: QuerySet[Customer], query: str) -> QuerySet[Customer]:
    """Return the customers with all these words in their name, in any script.

    One character matches the beginning of the name. For two or more, the index of neighbouring characters finds
    candidates; the comparison then drops names that have the same pairs in another order.
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
            pairs_of_word = Func(
                Value(word, output_field=TextField()), function="crm_bigrams", output_field=ArrayField(TextField())
            )
            customers = customers.filter(_pairs__contains=pairs_of_word)
        customers = customers.filter(_folded__contains=word)
    return customers


@dataclass
class CustomerRow:
    """Values that the list shows for one customer besides the customer's own fields."""

    phone: str = ""
    email: str = ""
    tags: list[str] = field(default_factory=list)
    spending: list[Spending] = field(default_factory=list)

    @property
    def orders(self) -> int:
        return sum(item.orders for item in self.spending)


def rows(customers: Iterable[Customer]) -> dict[int, CustomerRow]:
    """Return masked contacts, tags and purchases of these customers, with four queries."""
    details = {customer.pk: CustomerRow() for customer in customers}
    identities = Identity.objects.filter(customer_id__in=details, kind__in=["phone", "email"]).order_by("id")
    for identity in identities.only("customer_id", "kind", "value"):
        row = details[identity.customer_id]
        if not getattr(row, identity.kind):
            setattr(row, identity.kind, mask(identity.kind, identity.value))
    for customer_id, name in (
        CustomerTag.objects.filter(customer_id__in=details)
        .order_by("tag__name")
        .values_list("customer_id", "tag__name")
    ):
        details[customer_id].tags.append(name)
    for customer_id, spent in spending(details).items():
        details[customer_id].spending = spent
    return details
