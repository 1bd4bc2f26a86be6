"""Segments that use other segments: the order of computation, the dependents of a change, and cycles.

`uses` maps a segment to the segments in its rule.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

Uses = Mapping[int, Collection[int]]


def layers(uses: Uses) -> list[list[int]]:
    """Return the segments in layers: each layer needs only earlier layers. Segments of a cycle come last, together."""
    left = dict.fromkeys(sorted(uses))
    ordered: list[list[int]] = []
    while left:
        ready = [pk for pk in left if not any(used in left for used in uses[pk])]
        ordered.append(ready or list(left))
        for pk in ordered[-1]:
            del left[pk]
    return ordered


def with_dependents(uses: Uses, changed: Iterable[int]) -> set[int]:
    """Return the changed segments and all segments that use one of them, directly or not."""
    reached = set(changed)
    while True:
        more = {pk for pk, used in uses.items() if pk not in reached and not reached.isdisjoint(used)}
        if not more:
            return reached
        reached |= more


def cycle_through(uses: Uses, start: int) -> list[int]:
    """Return the path from a segment back to itself, such as [1, 3, 1], or nothing when there is no cycle."""
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
