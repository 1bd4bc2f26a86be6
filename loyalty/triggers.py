"""Registry of triggers: happenings that can earn points or advance a task.

Each trigger registers once, in an app's `extensions`:

    TRIGGERS.register("review", Trigger(_("Reviews"), icon="star", happened=reviews))

A trigger is queried for what customers did, so its answer may repeat a happening. The reader uses `reference` as the
natural key (L7). A lost, late or repeated event therefore never costs or gives points.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.utils.functional import Promise

from core.registry import Registry

# Happenings older than this are not read, so anything that arrives later is not counted.
READ_BACK = timedelta(days=35)


@dataclass(frozen=True)
class Happening:
    """One happening of a customer. `reference` is unique among all happenings of the shop and at most 120 long.

    `amount` is in minor units, 0 when no money was involved; `order` is the id of the order it belongs to, or None.
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
    """A trigger. `happened(customer ids, since, kind)` yields happenings, oldest first.

    `kinds` lists the choices for an administrator. `money`: its happenings have amounts. `lasting`: it reports a
    present state of a customer, which counts whenever it began.
    """

    label: str | Promise
    happened: Callable[[Sequence[int], datetime, str], Iterator[Happening]]
    icon: str = "star"
    kinds: Callable[[], Sequence[tuple[str, str]]] | None = None
    money: bool = False
    lasting: bool = False


TRIGGERS: Registry[Trigger] = Registry("loyalty trigger")
