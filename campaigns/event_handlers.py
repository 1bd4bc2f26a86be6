"""Handle events of lower layers. Each handler is idempotent: messages have a natural key (J2)."""

from __future__ import annotations

from collections.abc import Sequence

from analytics.events import SEGMENT_ENTERED
from analytics.services.features import mark_changed
from campaigns.events import ADDRESS_SUPPRESSED
from campaigns.services import care_runs, coupon_uses, journey_entries, journey_happenings, surveys, ticket_replies
from campaigns.tasks import wake_journeys, wake_sender
from core.events import Effect, Event, subscribe
from crm.events import (
    ORDER_PAID,
    ORDER_REFUNDED,
    ORDERS_IMPORTED,
    TICKET_OPENED,
    TICKET_REPLIED,
    TICKET_RESOLVED,
)
from crm.models import Refund


@subscribe(ORDER_PAID, name="campaigns.care_for_orders", effect=Effect.OUTSIDE)
def care_for_orders(events: Sequence[Event]) -> None:
    if care_runs.care_for_orders(order_ids=[event.payload["order"] for event in events]):
        wake_sender()


@subscribe(ORDER_REFUNDED, name="campaigns.give_back_coupons", effect=Effect.POINTS)
def give_back_coupons(events: Sequence[Event]) -> None:
    """Give back the coupons of refunded orders; idempotent, because a use is released once."""
    coupon_uses.give_back_coupons(order_ids=sorted({event.payload["order"] for event in events}))


@subscribe(ORDERS_IMPORTED, name="campaigns.give_back_coupons_of_imports", long=True)
def give_back_coupons_of_imports(events: Sequence[Event]) -> None:
    """Give back the coupons of refunds in imported files, as points are given back."""
    refunds = Refund.objects.filter(import_run_id__in=[event.payload["run"] for event in events])
    orders = list(refunds.values_list("order_id", flat=True).order_by("order_id").distinct())
    for start in range(0, len(orders), 1000):
        coupon_uses.give_back_coupons(order_ids=orders[start : start + 1000])


@subscribe(ORDERS_IMPORTED, name="campaigns.care_for_import", effect=Effect.OUTSIDE, long=True)
def care_for_import(events: Sequence[Event]) -> None:
    if sum(care_runs.care_for_import(run=event.payload["run"]) for event in events):
        wake_sender()


@subscribe(SEGMENT_ENTERED, name="campaigns.care_for_entering", effect=Effect.OUTSIDE, wanted=care_runs.wants_entering)
def care_for_entering(events: Sequence[Event]) -> None:
    segments = sorted({segment for event in events for segment in event.payload["segments"]})
    if care_runs.care_for_entering(event_ids=[event.id for event in events], segment_ids=segments):
        wake_sender()


@subscribe(TICKET_RESOLVED, name="campaigns.ask_satisfaction", effect=Effect.OUTSIDE)
def ask_satisfaction(events: Sequence[Event]) -> None:
    results = [
        surveys.ask_satisfaction(ticket_id=e.payload["ticket"], resolution=e.payload["resolution"]) for e in events
    ]
    if any(results):
        wake_sender()


@subscribe(TICKET_OPENED, TICKET_REPLIED, name="campaigns.send_replies", effect=Effect.OUTSIDE)
def send_replies(events: Sequence[Event]) -> None:
    """Send our public messages to the customer; customers' own messages and older events carry none."""
    message_ids = [
        event.payload["message"]
        for event in events
        if event.payload.get("by") == "staff" or event.payload.get("to_customer")
    ]
    # Send all of them, even if the first ones return False.
    sent = [ticket_replies.send_reply(message_id=message) for message in message_ids]
    if any(sent):
        wake_sender()


@subscribe(ADDRESS_SUPPRESSED, name="campaigns.mark_suppressed")
def mark_suppressed(events: Sequence[Event]) -> None:
    """Mark customers as changed, because their reachable channels are stored with their figures."""
    mark_changed(event.subject_id for event in events if event.subject_id is not None)


@subscribe(*journey_happenings.heard(), name="campaigns.journeys", effect=Effect.OUTSIDE, wanted=journey_entries.wanted)
def hear_journeys(events: Sequence[Event]) -> None:
    """Process entries and waits. Idempotent: a run has a unique cause, and a wake changes nothing by itself (F3)."""
    if journey_entries.hear(events=events):
        wake_journeys()
