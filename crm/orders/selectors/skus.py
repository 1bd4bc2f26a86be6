"""Products by SKU, case-insensitive: "tea-1" and "TEA-1" are one product, shown as it was first written."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db.models.functions import Lower

from crm.orders.models import Product

CHUNK = 5000


def products_by_sku(skus: Iterable[str], column: str = "pk") -> dict[str, Any]:
    """Return {requested SKU: value of that column}, without SKUs that no product has."""
    spellings: dict[str, list[str]] = {}
    for sku in set(skus):
        spellings.setdefault(sku.lower(), []).append(sku)
    keys, values = list(spellings), {}
    for start in range(0, len(keys), CHUNK):
        rows = Product.objects.alias(_key=Lower("sku")).filter(_key__in=keys[start : start + CHUNK])
        for sku, value in rows.values_list("sku", column):
            values |= dict.fromkeys(spellings.get(sku.lower(), ()), value)
    return values


def unknown_skus(skus: Iterable[str]) -> list[str]:
    """Return the SKUs that no product has, in their order."""
    requested = list(dict.fromkeys(sku for sku in skus if sku))
    known = products_by_sku(requested)
    return [sku for sku in requested if sku not in known]
