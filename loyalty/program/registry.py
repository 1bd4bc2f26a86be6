"""Registries for upper subjects: segments for rewards and earning rules, and figures that outlast a membership."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

from django.utils.functional import Promise

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


@dataclass(frozen=True)
class MemberFigure:
    """Something of a customer that goes on when the membership is suspended or ends, such as journeys under way."""

    label: str | Promise
    count: Callable[[int], int]


MEMBER_FIGURES: Registry[MemberFigure] = Registry("figure of a member")


def segments_of(customer_id: int) -> frozenset[int]:
    """Return the customer's segments.

    When no audience is registered, a reward for a segment is offered to no member.
    """
    return frozenset().union(*(audience.segments_of(customer_id) for audience in AUDIENCES))


def choices() -> list[tuple[int, str]]:
    return [choice for audience in AUDIENCES for choice in audience.choices()]


def members_of(segments: Collection[int], customers: Collection[int]) -> set[tuple[int, int]]:
    return set().union(*(audience.members_of(segments, customers) for audience in AUDIENCES))
