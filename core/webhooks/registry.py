"""Public event types for webhooks to the merchant's own systems, each built from one kind of domain event.

    publish("points.earned", POINTS_EARNED, _("Points earned"), build)

`build` gets a batch of events and returns one payload for each; None for an event that must not be published. A payload
names customers and orders by their numbers and holds no other data about a person.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from core.base.registry import Registry
from core.db.cached_names import CachedNames
from core.events.bus import Event, EventType, declare, hear
from core.webhooks.models import WebhookEndpoint

HANDLER = "core.webhooks"
TEST = "webhook.test"
Payload = dict[str, Any]
Build = Callable[[Sequence[Event]], Sequence[Payload | None]]


@dataclass(frozen=True)
class PublicType:
    """A public type. The receiver sees `name` as `type`; it never changes after its first release."""

    name: str
    event: EventType
    label: str | Promise
    build: Build


PUBLIC: Registry[PublicType] = Registry("public event type")
ENDPOINT_SWITCHED_OFF = declare("core.webhook_switched_off", _("Webhook switched off"), icon="ban", on_timeline=False)


def publish(name: str, event: EventType, label: str | Promise, build: Build) -> None:
    PUBLIC.register(name, PublicType(name, event, label, build))
    hear(event, HANDLER)


def _subscribed_kinds() -> list[str]:
    lists = WebhookEndpoint.objects.filter(active=True).values_list("event_types", flat=True)
    names = {name for types in lists for name in types}
    return sorted({known.event.kind for name in names if (known := PUBLIC.get(name))})


# A new or changed endpoint gets events after at most some seconds.
subscribed_kinds = CachedNames("webhooks:kinds", _subscribed_kinds)


def wanted(kind: str) -> bool:
    """Return whether an active endpoint subscribes to this kind."""
    return kind in subscribed_kinds()


def forget() -> None:
    """Drop the cached kinds after a change of endpoints."""
    subscribed_kinds.forget()
