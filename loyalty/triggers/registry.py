"""Routing of domain events to earning rules and tasks: which event may mean which happening, and for which customers.

    listening.hear(REVIEW_WRITTEN, "review")                    # its subject, or the customers that it lists
    listening.hear(ORDER_PAID, "referral", asked=referrers)

Earning rules and tasks both listen, each for the triggers that they use. An event that neither waits for is queued for
no handler. An event only says which customers to look at; what they did is read from the triggers.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.utils.functional import Promise

from core.base.registry import Registry
from core.db.cached_names import CachedNames
from core.events import bus as events
from core.events.bus import Event, EventType

ANY = ""
Asked = Callable[[Sequence[Event]], Iterable[int]]
_subscriptions: dict[str, list[tuple[str, Asked]]] = defaultdict(list)
LISTENERS: list[Listener] = []


class Listener:
    """Handler that receives the events of the triggers it waits for. A change of those is known within seconds."""

    def __init__(self, handler: str, waiting: CachedNames) -> None:
        self.handler = handler
        self.waiting = waiting
        LISTENERS.append(self)
        for kind in _subscriptions:
            events.hear(events.TYPES[kind], handler)

    def wants(self, kind: str) -> bool:
        waiting = self.waiting()
        return any(
            trigger in waiting or (trigger == ANY and waiting) for trigger, _asked in _subscriptions.get(kind, ())
        )


def customers_of(some: Sequence[Event]) -> Iterator[int]:
    """Yield the customers of these events: the subject of each, or the customers that it lists."""
    for event in some:
        if event.subject_id:
            yield event.subject_id
        yield from event.payload.get("customers", ())


def hear(event: EventType, trigger: str, *, asked: Asked = customers_of) -> None:
    """After such an event, read what the customers of `asked` did by this trigger. ANY means every awaited trigger."""
    _subscriptions[event.kind].append((trigger, asked))
    for listener in LISTENERS:
        events.hear(event, listener.handler)


def whose_turn(some: Sequence[Event]) -> dict[str, set[int]]:
    """Return {trigger: the customers that may have done something by it}."""
    by_kind: dict[str, list[Event]] = defaultdict(list)
    for event in some:
        by_kind[event.kind].append(event)
    customers_by_trigger: dict[str, set[int]] = defaultdict(set)
    for kind, alike in by_kind.items():
        for trigger, asked in _subscriptions.get(kind, ()):
            customers_by_trigger[trigger].update(asked(alike))
    return customers_by_trigger


def forget() -> None:
    """Read again which triggers rules and tasks wait for: at once in this process, within seconds in others."""
    for listener in LISTENERS:
        listener.waiting.forget()


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
