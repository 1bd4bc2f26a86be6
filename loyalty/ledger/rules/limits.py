"""Default limits of each role for giving by hand (L12, L13). All of them are finite."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

MOST_POINTS = 10_000_000
MOST_COUPONS = 10_000


@dataclass(frozen=True)
class Limits:
    """Limits.

    Above `points_per_act` a second person approves; above `points_per_day` and `coupons_per_day` it is refused.
    """

    points_per_act: int
    points_per_day: int
    coupons_per_day: int


DEFAULTS: dict[str, Limits] = {
    "service_agent": Limits(500, 2_000, 10),
    "service_lead": Limits(5_000, 20_000, 50),
    "marketer": Limits(500, 2_000, 50),
    "analyst": Limits(0, 0, 0),
    "administrator": Limits(50_000, 200_000, 200),
}
# For a person without a role who has a permission of their own.
FALLBACK = "service_agent"


def combined(limits: Iterable[Limits]) -> Limits:
    """Return the limits of a person with several roles: the highest of each."""
    rows = list(limits)
    return Limits(
        max(row.points_per_act for row in rows),
        max(row.points_per_day for row in rows),
        max(row.coupons_per_day for row in rows),
    )
