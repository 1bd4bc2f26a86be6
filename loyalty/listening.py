"""Which domain events move tasks, and whether some task waits for them: what none waits for is owed to nobody."""

from __future__ import annotations

import time
from collections import defaultdict

from django.core.cache import cache

from core import clock, events
from core.events import EventType
from loyalty.models import Task
from loyalty.rules.growth import LATE

HANDLER = "loyalty.advance_tasks"
ANY = ""
# A new task hears of what happens from at most so long after it was made; the nightly run finds what fell in between.
LOCAL_SECONDS = 3.0
SHARED_SECONDS = 60
_TRIGGERS = "loyalty:task-triggers"

_triggers_of: dict[str, set[str]] = defaultdict(set)


def hear(event: EventType, trigger: str) -> None:
    """After such an event, look what its customer did for tasks of this trigger; ANY for those of every trigger."""
    _triggers_of[event.kind].add(trigger)
    events.hear(event, HANDLER)


class _Listening:
    """The triggers of running tasks: kept in the process for seconds, in the cache for a minute."""

    def __init__(self) -> None:
        self.triggers: frozenset[str] = frozenset()
        self.until = 0.0

    def __call__(self, kind: str) -> bool:
        moving = _triggers_of.get(kind, set())
        return self.any() if ANY in moving else not moving.isdisjoint(self._now())

    def any(self) -> bool:
        """Whether some task runs at all."""
        return bool(self._now())

    def _now(self) -> frozenset[str]:
        if time.monotonic() >= self.until:
            self.triggers = self._look()
            self.until = time.monotonic() + LOCAL_SECONDS
        return self.triggers

    def _look(self) -> frozenset[str]:
        kept = cache.get(_TRIGGERS)
        if kept is None:
            rows = Task.objects.running(clock.now(), LATE).values_list("trigger", flat=True)
            kept = sorted(set(rows.order_by()))
            cache.set(_TRIGGERS, kept, SHARED_SECONDS)
        return frozenset(kept)


listens = _Listening()


def forget() -> None:
    """Look anew at what tasks wait for: here at once, in other processes within seconds."""
    cache.delete(_TRIGGERS)
    listens.until = 0.0
