"""Routing of domain events to earning rules and tasks: which event may mean which happening, and for which customers.

    listening.hear(REVIEW_WRITTEN, "review")                    # its subject, or the customers that it lists
    listening.hear(ORDER_PAID, "referral", asked=referrers)

Earning rules and tasks both listen, each for the triggers that they use. An event that neither waits for is queued for
no handler. An event only says which customers to look at; what they did is read from the triggers.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence

from core import clock, events
from core.events import Event, EventType
from core.kept import CachedNames
from loyalty.models import EarningRule, Task
from loyalty.rules.growth import LATE

ANY = ""
Asked = Callable[[Sequence[Event]], Iterable[int]]

_subscriptions: dict[str, list[tuple[str, Asked]]] = defaultdict(list)


class Listener:
    """Handler that receives the events of the triggers it waits for. A change of those is known within seconds."""

    def __init__(self, handler: str, waiting: CachedNames) -> None:
        self.handler = handler
        self.waiting = waiting

    def wants(self, kind: str) -> bool:
        waiting = self.waiting()
        return any(
            trigger in waiting or (trigger == ANY and waiting) for trigger, _asked in _subscriptions.get(kind, ())
        )


def _of_tasks() -> Iterable[str]:
    return Task.objects.running(clock.now(), LATE).order_by().values_list("trigger", flat=True)


def _of_rules() -> Iterable[str]:
    # Orders are awarded as they arrive, without a trigger.
    return EarningRule.objects.filter(active=True).exclude(trigger="order").values_list("trigger", flat=True)


TASKS = Listener("loyalty.advance_tasks", CachedNames("loyalty:task-triggers", _of_tasks))
RULES = Listener("loyalty.award_happenings", CachedNames("loyalty:earning-triggers", _of_rules))


def customers_of(some: Sequence[Event]) -> Iterator[int]:
    """Yield the customers of these events: the subject of each, or the customers that it lists."""
    for event in some:
        if event.subject_id:
            yield event.subject_id
        yield from event.payload.get("customers", ())


def hear(event: EventType, trigger: str, *, asked: Asked = customers_of) -> None:
    """After such an event, read what the customers of `asked` did by this trigger. ANY means every awaited trigger."""
    _subscriptions[event.kind].append((trigger, asked))
    for listener in (TASKS, RULES):
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
    for listener in (TASKS, RULES):
        listener.waiting.forget()
