"""Limits of an earning rule: how many points in a day, week, month, year and for ever, for one member and for all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from loyalty.rules.periods import period_start

SCOPES = ("member", "rule")

# (rule, member or None for all, period, its first day)
Key = tuple[int, int | None, str, date]


@dataclass(frozen=True, slots=True)
class Cap:
    """At most `points` in a `period`, of each member or of the whole rule."""

    period: str
    scope: str
    points: int


def caps_with_budget(caps: Sequence[Cap], budget: int | None) -> tuple[Cap, ...]:
    """A budget is a limit for ever on all members together."""
    return (*caps, *(() if budget is None else (Cap("ever", "rule", budget),)))


def keys_of(rule: int, member: int, day: date, caps: Sequence[Cap]) -> dict[Key, int]:
    """The counters that an award of this day moves, each with its limit; of two limits on one counter the smaller."""
    found: dict[Key, int] = {}
    for cap in caps:
        key = (rule, member if cap.scope == "member" else None, cap.period, period_start(cap.period, day))
        found[key] = min(found.get(key, cap.points), cap.points)
    return found


def lock_order(key: Key) -> tuple:
    """One order for everybody, the rule's own counters before its members'."""
    rule, member, period, starts_on = key
    return (rule, member or 0, period, starts_on)


@dataclass
class Counters:
    """What has been used so far; `taken` is what was added here."""

    used: dict[Key, int] = field(default_factory=dict)
    taken: dict[Key, int] = field(default_factory=dict)

    def left(self, keys: Mapping[Key, int]) -> int | None:
        """How many points there is room for; None is without end."""
        if not keys:
            return None
        return max(0, min(limit - self.used.get(key, 0) for key, limit in keys.items()))

    def take(self, keys: Mapping[Key, int], points: int) -> None:
        for key in keys:
            self.used[key] = self.used.get(key, 0) + points
            self.taken[key] = self.taken.get(key, 0) + points
