"""Reads of features."""

from __future__ import annotations

from collections.abc import Sequence

from analytics.features.models import CustomerFeature
from crm.customers.models import Customer, Store


def shop_currency() -> str:
    """Return the currency of the feature rows."""
    return Store.objects.filter(is_default=True).values_list("currency", flat=True).first() or "CNY"


def customers_by_ids(ids: Sequence[int]) -> list[Customer]:
    """Return customers in the order of the ids."""
    customers = {customer.pk: customer for customer in Customer.objects.filter(pk__in=ids).select_related("features")}
    return [customers[pk] for pk in ids if pk in customers]


def features_of(customer: Customer) -> CustomerFeature | None:
    return CustomerFeature.objects.filter(customer=customer).first()
