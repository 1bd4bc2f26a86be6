"""Customer search by anything a caller can say, at the same speed for a million customers, and figures of the list."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from django.contrib.postgres.fields import ArrayField
from django.db.models import F, Func, Q, QuerySet, TextField, Value

from core.db import paging
from core.security import crypto
from crm.customers.models import Customer, CustomerTag, Identity
from crm.customers.rules.identities import mask, normalise
from crm.customers.rules.names import fold, name_terms, pinyin_term, search_form
from crm.customers.selectors import default_country
from crm.desk.models import Ticket
from crm.orders.models import Order
from crm.orders.selectors.numbers import with_number
from crm.orders.selectors.spending import Spending, spending

PHONE = re.compile(r"\+?[\d\s\-().]{6,20}\Z")
CODED = ("storefront", "card", "wechat_openid", "wechat_unionid", "wecom_external")
MOST_EXACT = 500
# A tail of four digits is taken as the end of a phone number; with a letter in it, it can only be an order number.
SHORTEST_ORDER_TAIL = 5
SHORTEST_MIXED_TAIL = 3
SIMILAR_SHOWN = 10
NEWEST = ("-created_at", "-id")
# For each row of a page so many of the newest customers are compared, before the index of names finds all matches:
# comparing a name takes longer than reading an order.
WORDS_REACH = 100
TERMS = ArrayField(TextField())


def search(query: str) -> QuerySet[Customer]:
    """Return the active customers that these words identify.

    The query is matched exactly when it is an e-mail address, a phone number or its last four digits, a customer or
    ticket number, an order number or its last characters in any letter case, or another id. Any other query is part of
    a name, and every word must be in it. The header, the command palette and the list of customers search with this.
    """
    query = " ".join(query.replace("\x00", " ").split())[:100]
    customers = Customer.objects.active()
    if not query:
        return customers
    exact = exact_matches(query)
    if exact:
        return customers.filter(pk__in=exact)
    return named(customers, query)


def newest_matches(query: str, limit: int) -> list[Customer]:
    """Return the newest active customers that these words identify, at most `limit`."""
    everyone = Customer.objects.active()
    return paging.keyset_near(search(query), everyone, NEWEST, None, limit, limit * WORDS_REACH).items


def exact_matches(query: str) -> set[int]:
    """Return the ids of the customers that this text identifies. Words without digits or @ cost no query."""
    if "@" not in query and not any(char.isdigit() for char in query):
        return set()
    ids = _by_identity(query)
    if "@" not in query:
        ids |= set(Customer.objects.filter(number=query).values_list("pk", flat=True))
        shortest = SHORTEST_MIXED_TAIL if any(char.isalpha() for char in query) else SHORTEST_ORDER_TAIL
        orders = with_number(Order.objects.filter(customer__isnull=False), query, shortest=shortest)
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
    """Return the customers with all these words in their name, in any script, or at the beginning of its pinyin.

    Letter case, accents and spaces do not matter. A single Latin letter matches the beginning of the name. For other
    words the index finds candidates by their terms; the comparison then drops those that have them in another order.
    """
    words = [word for word in (fold(part) for part in query.split()) if word]
    if not words:
        return customers.none()
    if len(words) == 1 and len(words[0]) == 1 and words[0].isascii():
        return customers.filter(search_name__startswith=words[0])
    customers = customers.alias(
        _terms=Func(F("search_name"), function="crm_search_terms", output_field=TERMS),
        _name=Func(F("search_name"), Value(" "), Value(1), function="split_part", output_field=TextField()),
    )
    for word in words:
        terms, term = name_terms(word), pinyin_term(word)
        spelled = Q(_terms__contains=Value(terms, output_field=TERMS)) if terms else Q()
        # The comparison is left out where the terms decide alone: the planner then knows how many rows match.
        in_order = Q() if terms and len(word) <= 2 else Q(_name__contains=word)
        if not term:
            customers = customers.filter(spelled & in_order)
            continue
        sounded = Q(_terms__contains=Value([term], output_field=TERMS))
        spoken = Q(search_name__contains=f" {word}") & sounded if len(term) <= len(word) else sounded
        if spelled and in_order:
            # Two conditions instead of one: the index answers the first, so that the terms of the rows that it finds
            # are not computed again, which takes longer than all the rest.
            customers = customers.filter(spelled | sounded).filter(in_order | spoken)
        else:
            customers = customers.filter((spelled & in_order) | spoken)
    return customers


@dataclass(frozen=True)
class SimilarCustomer:
    """A known customer with the same contact, or only with the same name."""

    customer: Customer
    same_contact: bool


def similar_customers(name: str, phone: str, email: str) -> list[SimilarCustomer]:
    """Return the active customers who may be the person with this name and these contacts; at most SIMILAR_SHOWN."""
    condition = Q(pk__in=[])
    if phone.strip():
        condition |= _is("phone", phone, default_country())
    if email.strip():
        condition |= _is("email", email)
    owners = set(Identity.objects.filter(condition).values_list("customer_id", flat=True))
    same = Customer.objects.active().filter(Q(pk__in=owners) | Q(search_name=search_form(name)) & ~Q(search_name=""))
    found = [SimilarCustomer(customer, customer.pk in owners) for customer in same.order_by("-pk")[:SIMILAR_SHOWN]]
    return sorted(found, key=lambda item: not item.same_contact)


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
