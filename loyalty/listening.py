"""Which domain events some task waits for, so that what no task waits for is owed to nobody."""

from __future__ import annotations

import time

from django.core.cache import cache

from core import clock
from core.events import EventType
from crm import events as crm
from loyalty import events
from loyalty.models import Task
from loyalty.rules.growth import LATE

# A new task hears of what happens from at most so long after it was made; the nightly run finds what fell in between.
LOCAL_SECONDS = 3.0
SHARED_SECONDS = 60
_TRIGGERS = "loyalty:task-triggers"

HEARD: dict[EventType, str] = {
    crm.ORDER_PAID: "order",
    crm.ORDERS_IMPORTED: "order",
    crm.ACTIVITY_RECEIVED: "activity",
    crm.TICKET_RATED: "rating",
    crm.CUSTOMER_UPDATED: "profile",
    crm.IDENTITY_ADDED: "profile",
    # Whoever becomes a member by an order had no progress when the order was told of.
    events.MEMBER_ENROLLED: "",
}
_TRIGGER_OF = {event.kind: trigger for event, trigger in HEARD.items()}


class _Listening:
    """The triggers of running tasks: kept in the process for seconds, in the cache for a minute."""

    def __init__(self) -> None:
        self.triggers: frozenset[str] = frozenset()
        self.until = 0.0

    def __call__(self, kind: str) -> bool:
        trigger = _TRIGGER_OF.get(kind, "")
        return trigger in self._now() if trigger else self.any()

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
