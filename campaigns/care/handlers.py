"""Handle events of lower layers. Each handler is idempotent: messages have a natural key (J2)."""

from __future__ import annotations

from collections.abc import Sequence

from analytics.segments.events import SEGMENT_ENTERED
from campaigns.care.services import runs as care_runs
from core.events.bus import Effect, Event, subscribe
from core.jobs.queueing import enqueue_after_commit
from crm.orders.events import ORDER_PAID, ORDERS_IMPORTED


@subscribe(ORDER_PAID, name="campaigns.care_for_orders", effect=Effect.OUTSIDE)
def care_for_orders(events: Sequence[Event]) -> None:
    if care_runs.care_for_orders(order_ids=[event.payload["order"] for event in events]):
        enqueue_after_commit("campaigns.send_due")


@subscribe(ORDERS_IMPORTED, name="campaigns.care_for_import", effect=Effect.OUTSIDE, long=True)
def care_for_import(events: Sequence[Event]) -> None:
    if sum(care_runs.care_for_import(run=event.payload["run"]) for event in events):
        enqueue_after_commit("campaigns.send_due")


@subscribe(SEGMENT_ENTERED, name="campaigns.care_for_entering", effect=Effect.OUTSIDE, wanted=care_runs.wants_entering)
def care_for_entering(events: Sequence[Event]) -> None:
    segments = sorted({segment for event in events for segment in event.payload["segments"]})
    if care_runs.care_for_entering(event_ids=[event.id for event in events], segment_ids=segments):
        enqueue_after_commit("campaigns.send_due")
