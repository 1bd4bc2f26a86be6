"""Registry of segments for rewards and earning rules; analytics registers itself here because it knows them."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

from core.base.registry import Registry


@dataclass(frozen=True)
class Audience:
    """Functions that read segments. `segments_of(customer id)` returns the segments that a customer is in now.

    `choices()` returns (segment id, name) of all segments. `members_of(segments, customers)` returns the pairs
    (segment, customer) that hold now, in one query.
    """

    segments_of: Callable[[int], frozenset[int]]
    choices: Callable[[], list[tuple[int, str]]]
    members_of: Callable[[Collection[int], Collection[int]], set[tuple[int, int]]]


AUDIENCES: Registry[Audience] = Registry("audience of rewards")


def segments_of(customer_id: int) -> frozenset[int]:
    """Return the customer's segments.

    When no audience is registered, a reward for a segment is offered to no member.
    """
    return frozenset().union(*(audience.segments_of(customer_id) for audience in AUDIENCES))


def choices() -> list[tuple[int, str]]:
    return [choice for audience in AUDIENCES for choice in audience.choices()]


def members_of(segments: Collection[int], customers: Collection[int]) -> set[tuple[int, int]]:
    return set().union(*(audience.members_of(segments, customers) for audience in AUDIENCES))
