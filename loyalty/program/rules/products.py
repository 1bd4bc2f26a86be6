"""Rules for products that only some tiers may buy."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any


def listed(skus: str | Iterable[str] | None) -> list[str]:
    """Return the SKUs of a list, or of a text in which commas, spaces or lines separate them."""
    if not isinstance(skus, str):
        return list(skus or [])
    return [part for part in skus.replace(",", " ").replace("，", " ").split() if part]


@dataclass(frozen=True)
class TierProduct:
    """A product with its category, as tier prices and benefits refer to it."""

    sku: str
    category: str = ""


def covers(settings: Mapping[str, Any], product: TierProduct) -> bool:
    """Return whether a benefit names this product, or a category that contains it."""
    category = str(settings.get("category") or "").strip().strip("/")
    inside = bool(category) and (product.category == category or product.category.startswith(category + "/"))
    return inside or product.sku.lower() in {sku.lower() for sku in listed(settings.get("skus"))}


def least_rank(benefits: Iterable[tuple[int, Mapping[str, Any]]], product: TierProduct) -> int | None:
    """Return the lowest rank whose members may buy it, out of (rank, settings); None when everyone may."""
    return min((rank for rank, settings in benefits if covers(settings, product)), default=None)
