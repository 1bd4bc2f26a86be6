"""Segments of segments: who must be computed before whom, whom a change concerns, and where a rule would bite its tail.

`uses` maps a segment to those that its rule names.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

Uses = Mapping[int, Collection[int]]


def layers(uses: Uses) -> list[list[int]]:
    """The segments in rounds: each needs only what earlier rounds have computed. Those of a cycle come last, together."""
    left = dict.fromkeys(sorted(uses))
    found: list[list[int]] = []
    while left:
        ready = [pk for pk in left if not any(used in left for used in uses[pk])]
        found.append(ready or list(left))
        for pk in found[-1]:
            del left[pk]
    return found


def with_dependents(uses: Uses, changed: Iterable[int]) -> set[int]:
    """The changed ones and all whose rule names one of them, directly or not."""
    reached = set(changed)
    while True:
        more = {pk for pk, used in uses.items() if pk not in reached and not reached.isdisjoint(used)}
        if not more:
            return reached
        reached |= more


def cycle_through(uses: Uses, start: int) -> list[int]:
    """The way from a segment back to itself, such as [1, 3, 1]; empty when there is none."""
    ways = [[start]]
    seen: set[int] = set()
    while ways:
        way = ways.pop()
        for used in sorted(uses.get(way[-1], ())):
            if used == start:
                return [*way, start]
            if used not in seen:
                seen.add(used)
                ways.append([*way, used])
    return []
