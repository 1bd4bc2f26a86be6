"""The profile of a segment: its members against all customers, from the kept features in one statement."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from analytics.features.registry import REACH
from analytics.segments.models import Segment
from analytics.segments.services.figures import run_quickly
from core.db.slow_results import cached_when_slow
from core.db.statements import statement

SLOW_SECONDS = 0.5
KEPT_SECONDS = 600


@dataclass(frozen=True)
class Part:
    """The customers with one value of a dimension: in the segment, and in all."""

    value: str
    inside: int
    everyone: int


@dataclass(frozen=True)
class SegmentProfile:
    """Customers in the segment and in all, by dimension, and by the channels that reach them.

    Dimensions: `stage`, `tier` (rank, -1 for no member), `region`, `spend` (money score, 0 without an order) and
    `orders` (0, 1, 2, 3 for three to five, 6 for more).
    """

    inside: int
    everyone: int
    parts: Mapping[str, Sequence[Part]] = field(default_factory=dict)
    reach: Sequence[Part] = ()


def profile_of(segment: Segment) -> SegmentProfile:
    """Return the profile; a slow one is kept for ten minutes. Raises Conflict `too_slow` after five seconds."""
    mark = segment.computed_at.isoformat() if segment.computed_at else ""
    return cached_when_slow(
        f"analytics.segment_profile:{segment.pk}:{mark}",
        lambda: _computed(segment),
        slow=SLOW_SECONDS,
        seconds=KEPT_SECONDS,
    )


def _computed(segment: Segment) -> SegmentProfile:
    ways = REACH.names()
    counts = "".join(f", count(*) FILTER (WHERE %s = ANY(f.reachable)) AS way_{place}" for place in range(len(ways)))
    sums = "".join(
        f", coalesce(sum(way_{place}) FILTER (WHERE inside), 0)::bigint, coalesce(sum(way_{place}), 0)::bigint"
        for place in range(len(ways))
    )
    text = statement(__package__, "profile", reach=counts, reach_sums=sums)
    parts: dict[str, list[Part]] = {}
    inside = everyone = 0
    reach: list[Part] = []
    for dimension, value, within, total, *reached in run_quickly(text, [*ways, segment.pk]):
        if dimension:
            parts.setdefault(dimension, []).append(Part(value, within, total))
        else:
            inside, everyone = within, total
            reach = [Part(name, *reached[2 * place : 2 * place + 2]) for place, name in enumerate(ways)]
    return SegmentProfile(inside, everyone, parts, reach)
