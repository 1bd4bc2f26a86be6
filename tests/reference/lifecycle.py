"""Return the lifecycle stage of one customer. `analytics.features.services.features` computes the same in SQL."""

from __future__ import annotations

from analytics.features.rules.lifecycle import LIMITS, StageLimits


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
