"""Arithmetic of several rules together for one order or one happening, in one point type.

All rules that add count. Of the rules of which only the best counts, the one with the most points after its limits
counts. Of two with equal points, the smaller position counts, then the older rule. Rules that multiply see the sum of
those two kinds: each adds rounding(sum * (factor - 1)), and none sees the points of another multiplying rule.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from loyalty.earning.rules.caps import Counters, Key
from loyalty.earning.rules.earning import Award, multiplied


@dataclass(frozen=True, slots=True)
class StackingCandidate:
    """One rule whose conditions hold. `keys` are its counters with their limits; empty means no limit."""

    rule: int
    position: int
    stacking: str
    award: Award
    factor: Decimal = Decimal(1)
    keys: Mapping[Key, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RulePoints:
    """Points of one rule.

    `cut` is what a limit held back; `multiplied` the points that a multiplying rule saw, else None.
    """

    rule: int
    points: int
    cut: int
    remainder: Decimal
    multiplied: int | None = None


def stack(candidates: Sequence[StackingCandidate], rounding: str, counters: Counters) -> list[RulePoints]:
    """Return what each rule gives, in the order adding, best, multiplying. The counters advance."""
    order = sorted(candidates, key=lambda one: (one.position, one.rule))
    results = [_give(one, one.award, counters) for one in order if one.stacking == "sum"]
    rivals = [one for one in order if one.stacking == "best"]
    if rivals:
        # max() returns the first of equals, which has the smallest position.
        results.append(_give(best := max(rivals, key=lambda one: _possible(one, counters)), best.award, counters))
    if not results:
        return []
    base = sum(one.points for one in results)
    for one in order:
        if one.stacking == "multiply":
            results.append(_give(one, multiplied(base, one.factor, rounding), counters, base))
    return results


def _possible(candidate: StackingCandidate, counters: Counters) -> int:
    left = counters.left(candidate.keys)
    return candidate.award.points if left is None else min(candidate.award.points, left)


def _give(candidate: StackingCandidate, award: Award, counters: Counters, base: int | None = None) -> RulePoints:
    left = counters.left(candidate.keys)
    points = award.points if left is None else min(award.points, left)
    counters.take(candidate.keys, points)
    return RulePoints(candidate.rule, points, award.points - points, award.remainder, base)
