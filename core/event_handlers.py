"""Event handlers of the core: webhooks to the merchant's own systems."""

from __future__ import annotations

from collections.abc import Sequence

from core import webhooks
from core.events import Effect, Event, subscribe
from core.services.webhooks import fan_out
from core.tasks import wake_senders


@subscribe(name=webhooks.HANDLER, effect=Effect.OUTSIDE, wanted=webhooks.wanted)
def tell_endpoints(events: Sequence[Event]) -> None:
    wake_senders(fan_out(events=events))
