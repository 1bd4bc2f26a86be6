"""What the merchant's own systems may hear of: public event types, each made of one kind of domain event.

    publish("points.earned", POINTS_EARNED, _("Points earned"), build)

`build` gets a batch of events and answers as many payloads, None for what is nobody's business. A payload names
customers and orders by their numbers and holds nothing else about a person.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from django.core.cache import cache
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from core.events import Event, EventType, declare, hear
from core.models import WebhookEndpoint
from core.registry import Registry

HANDLER = "core.webhooks"
TEST = "webhook.test"
# An endpoint hears of what happens from at most so long after it was made or changed.
LOCAL_SECONDS = 3.0
SHARED_SECONDS = 60
_KINDS = "webhooks:kinds"

Payload = dict[str, Any]
Build = Callable[[Sequence[Event]], Sequence[Payload | None]]


@dataclass(frozen=True)
class PublicType:
    """`name` is what the receiver sees as `type`; it never changes once it is out."""

    name: str
    event: EventType
    label: str | Promise
    build: Build


PUBLIC: Registry[PublicType] = Registry("public event type")
ENDPOINT_SWITCHED_OFF = declare("core.webhook_switched_off", _("Webhook switched off"), icon="ban", on_timeline=False)


def publish(name: str, event: EventType, label: str | Promise, build: Build) -> None:
    PUBLIC.register(name, PublicType(name, event, label, build))
    hear(event, HANDLER)


class _Wanted:
    """The kinds that some active endpoint hears of: kept in the process for seconds, in the cache for a minute."""

    def __init__(self) -> None:
        self.kinds: frozenset[str] = frozenset()
        self.until = 0.0

    def __call__(self, kind: str) -> bool:
        if time.monotonic() >= self.until:
            self.kinds = self._look()
            self.until = time.monotonic() + LOCAL_SECONDS
        return kind in self.kinds

    def _look(self) -> frozenset[str]:
        kept = cache.get(_KINDS)
        if kept is None:
            kept = _subscribed_kinds()
            cache.set(_KINDS, kept, SHARED_SECONDS)
        return frozenset(kept)


wanted = _Wanted()


def forget() -> None:
    """Look anew at what endpoints want: here at once, in other processes within seconds."""
    cache.delete(_KINDS)
    wanted.until = 0.0


def _subscribed_kinds() -> list[str]:
    lists = WebhookEndpoint.objects.filter(active=True).values_list("event_types", flat=True)
    names = {name for types in lists for name in types}
    return sorted({known.event.kind for name in names if (known := PUBLIC.get(name))})
