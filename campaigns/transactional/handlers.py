"""Event handlers of transactional messages."""

from __future__ import annotations

from collections.abc import Sequence

from campaigns.transactional.services import replies as ticket_replies
from campaigns.transactional.services import surveys
from core.events.bus import Effect, Event, subscribe
from core.jobs.queueing import enqueue_after_commit
from crm.desk.events import TICKET_OPENED, TICKET_REPLIED, TICKET_RESOLVED


@subscribe(TICKET_RESOLVED, name="campaigns.ask_satisfaction", effect=Effect.OUTSIDE)
def ask_satisfaction(events: Sequence[Event]) -> None:
    results = [
        surveys.ask_satisfaction(ticket_id=e.payload["ticket"], resolution=e.payload["resolution"]) for e in events
    ]
    if any(results):
        enqueue_after_commit("campaigns.send_due")


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
        enqueue_after_commit("campaigns.send_due")
