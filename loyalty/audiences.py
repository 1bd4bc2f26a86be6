"""Segments, for rewards and earning rules: analytics knows them and registers itself here."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

from core.registry import Registry


@dataclass(frozen=True)
class Audience:
    """`segments_of(customer id)` is the segments that a customer is in now; `choices()` is (segment id, name) of all.
    `members_of(segments, customers)` is the pairs (segment, customer) of them that are true now, in one query.
    """

    segments_of: Callable[[int], frozenset[int]]
    choices: Callable[[], list[tuple[int, str]]]
    members_of: Callable[[Collection[int], Collection[int]], set[tuple[int, int]]]


AUDIENCES: Registry[Audience] = Registry("audience of rewards")


def segments_of(customer_id: int) -> frozenset[int]:
    """Nobody registered: a reward for a segment is for nobody."""
    return frozenset().union(*(audience.segments_of(customer_id) for audience in AUDIENCES))


def choices() -> list[tuple[int, str]]:
    return [choice for audience in AUDIENCES for choice in audience.choices()]


def members_of(segments: Collection[int], customers: Collection[int]) -> set[tuple[int, int]]:
    return set().union(*(audience.members_of(segments, customers) for audience in AUDIENCES))
