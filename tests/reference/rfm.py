"""Return RFM scores and groups of one customer. `analytics.features.services.features` computes the same in SQL."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

from analytics.features.rules.rfm import GRID


def value_score(value: float, cuts: Sequence[float]) -> int:
    """Return the score; 5 is the highest fifth. A value equal to a cut point gets the lower score."""
    return 1 + bisect_left(cuts, value)


def group_of(recency: int, frequency: int, money: int) -> str:
    return GRID[recency - 1][(frequency + money + 1) // 2 - 1]
