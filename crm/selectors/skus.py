"""Products by SKU, whatever its case: "tea-1" and "TEA-1" are one product, shown as it was first written."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db.models.functions import Lower

from crm.models import Product

CHUNK = 5000


def products_by_sku(skus: Iterable[str], column: str = "pk") -> dict[str, Any]:
    """Return {SKU as it was asked for: that column}, without those that no product has."""
    wanted: dict[str, list[str]] = {}
    for sku in set(skus):
        wanted.setdefault(sku.lower(), []).append(sku)
    keys, found = list(wanted), {}
    for start in range(0, len(keys), CHUNK):
        rows = Product.objects.alias(_key=Lower("sku")).filter(_key__in=keys[start : start + CHUNK])
        for sku, value in rows.values_list("sku", column):
            found |= dict.fromkeys(wanted.get(sku.lower(), ()), value)
    return found


def unknown_skus(skus: Iterable[str]) -> list[str]:
    """Return those of these SKUs that no product has, in their order."""
    asked = list(dict.fromkeys(sku for sku in skus if sku))
    known = products_by_sku(asked)
    return [sku for sku in asked if sku not in known]
