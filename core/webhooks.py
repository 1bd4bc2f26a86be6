"""What the merchant's own systems may hear of: public event types, each made of one kind of domain event.

    publish("points.earned", POINTS_EARNED, _("Points earned"), build)

`build` gets a batch of events and answers as many payloads, None for what is nobody's business. A payload names
customers and orders by their numbers and holds nothing else about a person.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from core.events import Event, EventType, declare, hear
from core.kept import Kept
from core.models import WebhookEndpoint
from core.registry import Registry

HANDLER = "core.webhooks"
TEST = "webhook.test"

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


def _subscribed_kinds() -> list[str]:
    lists = WebhookEndpoint.objects.filter(active=True).values_list("event_types", flat=True)
    names = {name for types in lists for name in types}
    return sorted({known.event.kind for name in names if (known := PUBLIC.get(name))})


# An endpoint hears of what happens from at most some seconds after it was made or changed.
subscribed_kinds = Kept("webhooks:kinds", _subscribed_kinds)


def wanted(kind: str) -> bool:
    """Whether some active endpoint hears of it."""
    return kind in subscribed_kinds()


def forget() -> None:
    """Look anew at what endpoints want."""
    subscribed_kinds.forget()
