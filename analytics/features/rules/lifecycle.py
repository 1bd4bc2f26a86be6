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
