"""Event handlers of the core: webhooks to the merchant's own systems."""

from __future__ import annotations

from collections.abc import Sequence

from core.events.bus import Effect, Event, subscribe
from core.jobs.queueing import enqueue_after_commit
from core.webhooks import registry as webhooks
from core.webhooks.services import fan_out


@subscribe(name=webhooks.HANDLER, effect=Effect.OUTSIDE, wanted=webhooks.wanted)
def tell_endpoints(events: Sequence[Event]) -> None:
    for endpoint in fan_out(events=events):
        enqueue_after_commit("core.send_webhooks", endpoint)
