"""Fill the product slot of messages: recommenders, and best sellers until a better one is registered.

    RECOMMENDERS.register("similar", Similar())       # in an app's extensions; the first one with a result answers

A recommendation has a title that is true of it (A6): it explains to the reader why these products are shown.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from core.base.registry import Registry


@dataclass(frozen=True)
class RecommendedProduct:
    """Hold a product. `price` is in minor units of the shop's currency, None when unknown."""

    sku: str
    name: str
    price: int | None = None


@dataclass(frozen=True)
class Recommendation:
    """Hold a recommendation. `title` is a translatable sentence with placeholders for `values`."""

    title: Any
    products: Sequence[RecommendedProduct]
    values: Mapping[str, str] = field(default_factory=dict)


class Recommender(Protocol):
    def recommend(self, customer_ids: Sequence[int], limit: int) -> dict[int, Recommendation]:
        """Recommend for a whole batch; customers that are left out go to the next recommender."""
        ...


RECOMMENDERS: Registry[Recommender] = Registry("recommender")


def recommend(customer_ids: Sequence[int], limit: int = 4) -> dict[int, Recommendation]:
    """Return recommendations by customer, without customers that have none."""
    recommendations: dict[int, Recommendation] = {}
    for recommender in RECOMMENDERS:
        missing = [pk for pk in customer_ids if pk not in recommendations]
        if not missing:
            break
        recommendations |= recommender.recommend(missing, limit)
    return recommendations
