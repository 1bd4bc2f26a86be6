"""Choose what is bought together: each customer has a taste, and each category has companions.

The shares here are the truth of the demo shop's co-purchase structure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from crm.simulation.rules.names import PRODUCTS

# Share of customers of each taste, and the categories from which the first line of a basket comes.
TASTES: dict[str, tuple[float, dict[str, float]]] = {
    "coffee": (0.5, {"CF": 0.8, "WR": 0.12, "CU": 0.08}),
    "tea": (0.35, {"TE": 0.8, "WR": 0.1, "CU": 0.1}),
    "gifts": (0.15, {"CU": 0.35, "SN": 0.4, "TE": 0.25}),
}
# Chance of each category for the next line, by the category of the first one.
COMPANIONS: dict[str, dict[str, float]] = {
    "CF": {"SN": 0.4, "CF": 0.3, "WR": 0.2, "CU": 0.1},
    "TE": {"SN": 0.45, "TE": 0.3, "CU": 0.25},
    "WR": {"CF": 0.6, "CU": 0.25, "TE": 0.15},
    "CU": {"CF": 0.4, "TE": 0.35, "SN": 0.25},
    "SN": {"TE": 0.5, "CF": 0.35, "CU": 0.15},
}
# Goods that are bought together far more often than their categories say, by English name.
PAIRS = (
    ("Yirgacheffe", "Dripper", 0.35),
    ("Espresso Blend", "Grinder", 0.25),
    ("Dahongpao", "Jian Cup", 0.35),
    ("Longjing", "Mung Bean Cake", 0.4),
)
MOST_LINES = 5
BY_CATEGORY: dict[str, list[int]] = {
    prefix: [index for index, product in enumerate(PRODUCTS) if product[0].startswith(prefix)] for prefix in COMPANIONS
}


@dataclass(frozen=True)
class BasketLine:
    """One product of a basket, by its index in PRODUCTS."""

    product: int
    quantity: int

    @property
    def amount(self) -> int:
        """Return the amount in minor units, at the list price."""
        return price_of(self.product) * self.quantity


def price_of(product: int) -> int:
    """Return the list price of a product in minor units."""
    return round(PRODUCTS[product][4] * 100)


def taste_of(chance: float) -> str:
    """Return the taste for a number from 0 to 1."""
    for taste, (share, _firsts) in TASTES.items():
        if chance < share:
            return taste
        chance -= share
    return next(iter(TASTES))


def draw_basket(taste: str, target: int, random: np.random.Generator) -> list[BasketLine]:
    """Draw a basket of about `target` minor units."""
    first = _product(TASTES[taste][1], target, random)
    chosen = [first]
    for one, other, chance in PAIRS:
        if one in PRODUCTS[first][2] and random.random() < chance:
            chosen.append(next(index for index, product in enumerate(PRODUCTS) if other in product[2]))
    total = sum(price_of(index) for index in chosen)
    while total < 0.8 * target and len(chosen) < MOST_LINES:
        extra = _product(COMPANIONS[PRODUCTS[first][0][:2]], target - total, random)
        if extra in chosen:
            break
        chosen.append(extra)
        total += price_of(extra)
    times = max(1, round(target / total))
    return [BasketLine(index, times if place == 0 else 1) for place, index in enumerate(chosen)]


def _product(categories: dict[str, float], target: int, random: np.random.Generator) -> int:
    """Return a product of one of the categories; cheaper goods than the target are preferred, favourites sell more."""
    names = list(categories)
    goods = BY_CATEGORY[names[_pick(list(categories.values()), random)]]
    weights = [
        (1 / (1 + place)) * (1.0 if price_of(index) <= 1.2 * target else 0.05) for place, index in enumerate(goods)
    ]
    return goods[_pick(weights, random)]


def _pick(weights: Sequence[float], random: np.random.Generator) -> int:
    total = sum(weights)
    rest = random.random() * total
    for index, weight in enumerate(weights):
        rest -= weight
        if rest < 0:
            return index
    return len(weights) - 1
