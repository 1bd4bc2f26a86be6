"""Background tasks of journeys."""

from __future__ import annotations

from celery import shared_task

from campaigns.journeys.services import engine as journey_engine
from campaigns.journeys.services import entries as journey_entries
from core.jobs.queueing import enqueue


@shared_task(name="campaigns.advance_journeys")
def advance_journeys() -> int:
    """Enter due segment members and advance due runs.

    When the task is delivered twice or late, it does whatever is due then, which may be nothing (F3).
    """
    journey_entries.enter_waiting()
    for segment in journey_entries.awaited_segments():
        enqueue("analytics.compute_segment", segment, seconds=300)
    steps = journey_engine.advance_due()
    if steps:
        enqueue("campaigns.send_due")
    return steps


@shared_task(name="campaigns.enter_journeys")
def enter_journeys() -> dict[int, int]:
    """Let customers enter by date, timetable or segment membership, which have no event."""
    entered = journey_entries.enter_due()
    if entered:
        enqueue("campaigns.advance_journeys")
    return entered
