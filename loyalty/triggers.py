"""What can earn points or move a task: one registration each, in an app's `extensions`.

    TRIGGERS.register("review", Trigger(_("Reviews"), icon="star", happened=reviews))

A trigger is asked for what customers did, not told of it once: its answer may hold the same happening again and again, and
whoever counts keeps `reference` as the natural key (L7). So a lost, late or doubled event never costs or gives points.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.utils.functional import Promise

from core.registry import Registry

# How far back happenings are read: what arrives later than that is not counted.
READ_BACK = timedelta(days=35)


@dataclass(frozen=True)
class Happening:
    """One thing that a customer did. `reference` is unique among all happenings of the shop and at most 120 long.

    `amount` is in minor units, 0 where no money was involved; `order` is the id of the order it belongs to, or None.
    """

    customer: int
    reference: str
    at: datetime
    kind: str = ""
    amount: int = 0
    order: int | None = None
    properties: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Trigger:
    """`happened(customer ids, since, kind)` yields oldest first. `kinds` lists what an administrator may choose among.

    `money`: its happenings have amounts. `lasting`: it tells what is true of a customer, which counts whenever it began.
    """

    label: str | Promise
    happened: Callable[[Sequence[int], datetime, str], Iterator[Happening]]
    icon: str = "star"
    kinds: Callable[[], Sequence[tuple[str, str]]] | None = None
    money: bool = False
    lasting: bool = False


TRIGGERS: Registry[Trigger] = Registry("loyalty trigger")
