"""The shop in numbers: each app registers facts; the home page, `shop_facts` and tests read the same ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from core.registry import Registry

FACTS: Registry[Callable[[], Any]] = Registry("fact")


def collect() -> dict[str, Any]:
    """All facts by name, in the order of registration: counts are whole numbers, money is in minor units."""
    return {name: compute() for name, compute in FACTS.items()}
