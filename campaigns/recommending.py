"""The product slot of messages: who recommends, and what is shown until a better recommender is registered.

    RECOMMENDERS.register("similar", Similar())       # in an app's extensions; the first one that has something answers

A recommendation has a title that is true of it (A6): the reader sees why these products are there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from core.registry import Registry


@dataclass(frozen=True)
class Product:
    """`price` is minor units of the shop's currency, None where it is not known."""

    sku: str
    name: str
    price: int | None = None


@dataclass(frozen=True)
class Recommendation:
    """`title` is a translatable sentence with the places of `values`."""

    title: Any
    products: Sequence[Product]
    values: Mapping[str, str] = field(default_factory=dict)


class Recommender(Protocol):
    def recommend(self, customer_ids: Sequence[int], limit: int) -> dict[int, Recommendation]:
        """For a whole batch at once; who is left out is asked of the next recommender."""
        ...


RECOMMENDERS: Registry[Recommender] = Registry("recommender")


def recommend(customer_ids: Sequence[int], limit: int = 4) -> dict[int, Recommendation]:
    """By customer; without one for whom nothing is known to be sold."""
    found: dict[int, Recommendation] = {}
    for recommender in RECOMMENDERS:
        missing = [pk for pk in customer_ids if pk not in found]
        if not missing:
            break
        found |= recommender.recommend(missing, limit)
    return found
