"""Decide the tier of one member, on plain values.

The CASE branches of `loyalty.tiers.services.evaluation` decide the same in SQL; a test runs both over random inputs.
Tiers are steps here: 0 is below the first, 1 the lowest.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from loyalty.tiers.rules import Windows


def is_due(spans: Windows, last_run: datetime | None, at: datetime) -> bool:
    """Return whether a period has ended since the last run."""
    return spans.due_at is not None and spans.due_at <= at and (last_run is None or spans.due_at > last_run)


@dataclass(frozen=True)
class Facts:
    """Facts about one member, as steps.

    `before` is the tier now; `earned` and `kept` are what the two windows qualify for. `had` is what they would qualify
    for without the returns since the last run. `floor` is the highest given or bought tier that runs, and `floor_kind`
    says which of both. `given`: the present tier began as given or bought; `refunded`: and its money was returned.
    `locked`: set by hand with a lock.
    """

    before: int
    earned: int
    kept: int
    had: int = 0
    floor: int = 0
    floor_kind: str = ""
    given: bool = False
    refunded: bool = False
    locked: bool = False
    due: bool = False


@dataclass(frozen=True)
class Move:
    step: int
    reason: str


def decide(facts: Facts, *, downgrade: bool, one_step: bool) -> Move | None:
    """Decide the move: up at once, down at the end of a period (T2) or after a return (T4). None keeps the interval.

    `downgrade` is true at the end of a day. A given tier that has ended falls to what qualifies, or stays for a new
    reason (T3).
    """
    f = facts
    if f.locked:
        return None
    top = max(f.earned, f.floor)
    if top > f.before:
        return Move(top, "qualified" if f.earned >= f.floor else f.floor_kind)
    if not downgrade:
        return None
    qualified = min(f.before, max(f.earned, f.kept, f.floor))
    if f.given and f.floor < f.before:
        step, reason = qualified, "returned" if f.refunded else "period_ended"
        if step == f.before:
            return Move(step, "qualified")
    elif qualified < f.before <= f.had:
        step, reason = qualified, "returned"
    elif qualified < f.before and f.due:
        step, reason = max(qualified, f.before - 1) if one_step else qualified, "period_ended"
    else:
        return None
    if step == f.floor and f.floor > max(f.earned, f.kept):
        reason = f.floor_kind
    return Move(step, reason)
