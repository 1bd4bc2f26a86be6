"""The shop in numbers: each app registers facts; the home page, `shop_facts` and tests read the same ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from core.registry import Registry

FACTS: Registry[Callable[[], Any]] = Registry("fact")
# Names that scripts read, beside a later one that says its unit: left out of what people read.
SUPERSEDED: set[str] = set()


class Amounts(dict[str, int]):
    """Minor units by currency: {"GBP": 123456}."""


def amounts(rows: Mapping[str, int]) -> Amounts:
    return Amounts(sorted(rows.items()))


def supersede(name: str) -> None:
    """Keep a fact for scripts and leave it out of what people read."""
    SUPERSEDED.add(name)


def collect() -> dict[str, Any]:
    """All facts by name, in the order of registration: counts are whole numbers, money is in minor units."""
    return {name: compute() for name, compute in FACTS.items()}
