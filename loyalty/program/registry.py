"""Registry of segments for rewards and earning rules; analytics registers itself here because it knows them."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from core.base.errors import Invalid
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


Text = str | Promise


@dataclass(frozen=True)
class Setting:
    """One setting of a reward of this kind: one of `choices`, or else a line of text."""

    name: str
    label: Text
    choices: Callable[[], list[tuple[str, str]]] | None = None
    help: Text = ""
    length: int = 200
    required: bool = True


def checked_text(setting: Setting, value: Any) -> str:
    """Return the checked text of a setting. Raises Invalid naming the setting."""
    text = str(value if value is not None else "").strip()
    if (setting.required and not text) or len(text) > setting.length:
        raise Invalid(_("Fill this in."), code="required", field=setting.name)
    if setting.choices is not None and text and text not in {key for key, _label in setting.choices()}:
        raise Invalid(_("Not one of the choices."), code="invalid_choice", field=setting.name)
    return text


@dataclass(frozen=True)
class Number(Setting):
    """Setting for a whole number, or for an amount of the program's currency.

    An amount is typed in major units and stored in minor units.
    """

    least: int = 0
    most: int = 2**53
    money: bool = False
