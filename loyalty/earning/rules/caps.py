"""Limits of an earning rule: points in a day, week, month, year and in total, for one member and for all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from loyalty.earning.rules.terms import Scope
from loyalty.program.rules.periods import period_start

SCOPES: tuple[Scope, ...] = ("member", "rule")
# (rule, member or None for all, period, its first day)
Key = tuple[int, int | None, str, date]


@dataclass(frozen=True, slots=True)
class Cap:
    """At most `points` in a `period`, for each member or for the whole rule."""

    period: str
    scope: str
    points: int


def caps_with_budget(caps: Sequence[Cap], budget: int | None) -> tuple[Cap, ...]:
    """Return the limits with the budget added: a limit in total on all members together."""
    return (*caps, *(() if budget is None else (Cap("ever", "rule", budget),)))


def keys_of(rule: int, member: int, day: date, caps: Sequence[Cap]) -> dict[Key, int]:
    """Return the counters that an award of this day changes, each with its limit.

    When two limits share one counter, the smaller one holds.
    """
    limits: dict[Key, int] = {}
    for cap in caps:
        key = (rule, member if cap.scope == "member" else None, cap.period, period_start(cap.period, day))
        limits[key] = min(limits.get(key, cap.points), cap.points)
    return limits


def lock_order(key: Key) -> tuple:
    """Return a sort key, so that all transactions lock in one order: a rule's own counters before its members'."""
    rule, member, period, starts_on = key
    return (rule, member or 0, period, starts_on)


@dataclass
class Counters:
    """Points used so far; `taken` are the points added here."""

    used: dict[Key, int] = field(default_factory=dict)
    taken: dict[Key, int] = field(default_factory=dict)

    def left(self, keys: Mapping[Key, int]) -> int | None:
        """Return the number of points that still fit. None means no limit."""
        if not keys:
            return None
        return max(0, min(limit - self.used.get(key, 0) for key, limit in keys.items()))

    def take(self, keys: Mapping[Key, int], points: int) -> None:
        """Count points against all these caps."""
        for key in keys:
            self.used[key] = self.used.get(key, 0) + points
            self.taken[key] = self.taken.get(key, 0) + points
