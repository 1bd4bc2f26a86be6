"""Which way a split sends each customer. An experiment may take over a split by registering itself for it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from campaigns.rules import journeys as rules
from core.registry import Registry

# `decide(journey id, step, customer ids)` -> {customer: arm}, or None when this split is none of its own.
Decide = Callable[[int, dict[str, Any], Sequence[int]], dict[int, str] | None]
ARMS: Registry[Decide] = Registry("split of journeys")


def assign(*, journey: int, step: dict[str, Any], customer_ids: Sequence[int]) -> dict[int, str]:
    """The arm of each customer, the same however often it is asked (X1)."""
    for decide in ARMS:
        if (decided := decide(journey, step, customer_ids)) is not None:
            return decided
    salt = f"journey:{journey}:{step['id']}"
    weights = [(arm["code"], arm["weight"]) for arm in step["split"]]
    return {pk: rules.arm_of(salt, pk, weights) for pk in customer_ids}
