"""RFM scores and their groups.

A score runs from 1 to 5 by four cut points (quintiles of the buyers). Equal values always get equal scores, so ties are
broken in the same way every time (A1). The group depends on recency and on the mean of frequency and money.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

# Rows: recency 1 to 5. Columns: round((frequency + money) / 2) from 1 to 5.
GRID: tuple[tuple[str, ...], ...] = (
    ("lost", "hibernating", "at_risk", "cant_lose", "cant_lose"),
    ("hibernating", "hibernating", "at_risk", "at_risk", "cant_lose"),
    ("about_to_sleep", "about_to_sleep", "need_attention", "loyal", "loyal"),
    ("promising", "potential", "potential", "loyal", "loyal"),
    ("recent", "potential", "potential", "champion", "champion"),
)
GROUPS = (
    "champion", "loyal", "potential", "recent", "promising", "need_attention", "about_to_sleep", "at_risk", "cant_lose",
    "hibernating", "lost",
)  # fmt: skip


def value_score(value: float, cuts: Sequence[float]) -> int:
    """Return the score; 5 is the highest fifth. A value equal to a cut point gets the lower score."""
    return 1 + bisect_left(cuts, value)


def group_of(recency: int, frequency: int, money: int) -> str:
    """Return the RFM group of the three scores, each from 1 (worst) to 5 (best)."""
    return GRID[recency - 1][(frequency + money + 1) // 2 - 1]
