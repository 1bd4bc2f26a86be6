"""What several rules give together for one order, or one happening, in one point type.

Rules that add all count. Of the rules of which only the best counts, the one that gives most does, after its limits; of two
that give the same, the one with the smaller position, then the older one. Rules that multiply see what those two kinds gave
together: each gives rounding(that * (factor - 1)) on top, none sees what another one multiplied.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from loyalty.rules.caps import Counters, Key
from loyalty.rules.earning import Award, multiplied


@dataclass(frozen=True, slots=True)
class Candidate:
    """One rule whose conditions hold. `keys` are its counters with their limits (none: without limit)."""

    rule: int
    position: int
    stacking: str
    award: Award
    factor: Decimal = Decimal(1)
    keys: Mapping[Key, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Given:
    """`cut` is what a limit kept back of the award; `multiplied` the points that a multiplying rule saw, else None."""

    rule: int
    points: int
    cut: int
    remainder: Decimal
    multiplied: int | None = None


def stack(candidates: Sequence[Candidate], rounding: str, counters: Counters) -> list[Given]:
    """What each rule gives, in the order adding, best, multiplying; the counters move on."""
    order = sorted(candidates, key=lambda one: (one.position, one.rule))
    given = [_give(one, one.award, counters) for one in order if one.stacking == "sum"]
    rivals = [one for one in order if one.stacking == "best"]
    if rivals:
        # max() keeps the first of equals, which is the smallest position.
        given.append(_give(best := max(rivals, key=lambda one: _possible(one, counters)), best.award, counters))
    if not given:
        return []
    base = sum(one.points for one in given)
    for one in order:
        if one.stacking == "multiply":
            given.append(_give(one, multiplied(base, one.factor, rounding), counters, base))
    return given


def _possible(candidate: Candidate, counters: Counters) -> int:
    left = counters.left(candidate.keys)
    return candidate.award.points if left is None else min(candidate.award.points, left)


def _give(candidate: Candidate, award: Award, counters: Counters, base: int | None = None) -> Given:
    left = counters.left(candidate.keys)
    points = award.points if left is None else min(award.points, left)
    counters.take(candidate.keys, points)
    return Given(candidate.rule, points, award.points - points, award.remainder, base)
