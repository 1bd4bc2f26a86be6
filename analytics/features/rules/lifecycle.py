"""Lifecycle stages from the last orders, by fixed limits in days.

They are equal for all, so that staff can explain them.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class StageLimits:
    """Limits in days since the last order; `new_days` counts from the first order."""

    new_days: int = 30
    active_days: int = 90
    at_risk_days: int = 180
    lapsed_days: int = 365


LIMITS = StageLimits()


def stage_of(
    order_count: int,
    days_since_first: float | None,
    days_since_last: float | None,
    days_between_last_two: float | None,
    limits: StageLimits = LIMITS,
) -> str:
    """Return the stage. `won_back`: ordered recently after a gap that had made the customer lapsed."""
    if not order_count or days_since_last is None or days_since_first is None:
        return "prospect"
    if days_since_last <= limits.active_days:
        if days_between_last_two is not None and days_between_last_two > limits.at_risk_days:
            return "won_back"
        return "new" if days_since_first <= limits.new_days else "active"
    if days_since_last <= limits.at_risk_days:
        return "at_risk"
    return "lapsed" if days_since_last <= limits.lapsed_days else "lost"
