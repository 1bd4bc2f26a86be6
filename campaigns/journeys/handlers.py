"""Event handlers of journeys."""

from __future__ import annotations

from collections.abc import Sequence

from campaigns.journeys.services import entries as journey_entries
from campaigns.journeys.services import events as journey_events
from core.events.bus import Effect, Event, subscribe
from core.jobs.queueing import enqueue_after_commit


@subscribe(*journey_events.heard(), name="campaigns.journeys", effect=Effect.OUTSIDE, wanted=journey_entries.wanted)
def hear_journeys(events: Sequence[Event]) -> None:
    """Process entries and waits. Idempotent: a run has a unique cause, and a wake changes nothing by itself (F3)."""
    if journey_entries.hear(events=events):
        enqueue_after_commit("campaigns.advance_journeys")
