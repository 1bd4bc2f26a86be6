"""Lookup of customers and members for the API of customers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _
from rest_framework.request import Request

from core.base.errors import NotFound
from crm.customers.api.authentication import MemberToken
from crm.customers.models import Customer, CustomerState, Store
from crm.customers.services.identities import GivenIdentity

FULL = Customer.objects.prefetch_related("identities", "customer_tags__tag")


def customer_of(request: Request, number: str, queryset: QuerySet[Customer] | None = None) -> Customer:
    """Return the customer with this number; a merged number leads to the customer that remained.

    A member's token finds only its own customer. Raises NotFound.
    """
    rows = (FULL if queryset is None else queryset).filter(number=number)
    customer = rows.first()
    if customer is not None and customer.state == CustomerState.MERGED:
        customer = (FULL if queryset is None else queryset).filter(pk=customer.merged_into_id).first()
    if (
        customer is None
        or customer.state != CustomerState.ACTIVE
        or (isinstance(request.auth, MemberToken) and request.auth.customer_id != customer.pk)
    ):
        raise NotFound(_("There is no such customer."), code="unknown_customer")
    return customer


def shop_country() -> str:
    store = Store.objects.default_or_none()
    return store.country if store else "CN"


def given(items: Iterable[dict[str, Any]]) -> list[GivenIdentity]:
    return [GivenIdentity(item["kind"], item["value"], item["verified"]) for item in items]
