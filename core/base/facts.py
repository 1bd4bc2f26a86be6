"""Figures of the shop: each app registers facts; the home page, `shop_facts` and the tests read the same ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from django.db import connection

from core.base.registry import Registry

FACTS: Registry[Callable[[], Any]] = Registry("fact")
# Old names for scripts, each replaced by a newer name with the unit: hidden from people.
SUPERSEDED: set[str] = set()


class Amounts(dict[str, int]):
    """Minor units by currency: {"GBP": 123456}."""


def amounts(rows: Mapping[str, int]) -> Amounts:
    return Amounts(sorted(rows.items()))


def supersede(name: str) -> None:
    """Keep a fact for scripts and hide it from people."""
    SUPERSEDED.add(name)


def collect() -> dict[str, Any]:
    """Return all facts by name, in the order of registration: counts are whole numbers, money is in minor units."""
    return {name: compute() for name, compute in FACTS.items()}


def count_of(statement: str) -> Callable[[], int]:
    """Build a fact from a statement that counts."""

    def fact() -> int:
        with connection.cursor() as cursor:
            cursor.execute(statement)
            return cursor.fetchone()[0] or 0

    return fact
