"""Define scheduled tasks: due messages, care rules, journeys and sweeps."""

from __future__ import annotations

import structlog
from celery import shared_task
from django.core.cache import cache
from django.db import transaction

from analytics.services.segment_queue import compute_soon
from campaigns.services import broadcast_runs, care_runs, coupon_uses, journey_engine, journey_entries, messages

log = structlog.get_logger("liuke.messages")
WAKE_SECONDS = 10


def wake_sender() -> None:
    """Send due messages soon after the commit. Repeated calls are merged; without Redis the schedule does it."""
    transaction.on_commit(_wake, robust=True)


def _wake() -> None:
    try:
        if cache.add("campaigns.send-due", 1, WAKE_SECONDS):
            send_due.apply_async(retry=False)
    except Exception as error:
        log.warning("sender_not_woken", error=str(error)[:200])


@shared_task(name="campaigns.send_due")
def send_due() -> int:
    # Delete the mark before the work, so that callers that find the mark set are covered by this run.
    cache.delete("campaigns.send-due")
    return messages.send_due()


@shared_task(name="campaigns.run_care_rules")
def run_care_rules() -> dict[int, int]:
    counts = care_runs.run_care_rules()
    for segment in care_runs.awaited_segments():
        compute_soon(segment)
    if any(counts.values()):
        wake_sender()
    return counts


@shared_task(name="campaigns.run_broadcasts")
def run_broadcasts() -> dict[str, int]:
    counts = broadcast_runs.run_broadcasts()
    for segment in broadcast_runs.awaited_segments():
        compute_soon(segment)
    if counts["made"] or counts["resumed"]:
        wake_sender()
    return counts


def wake_broadcasts() -> None:
    """Start broadcasts that were scheduled for now soon after the commit."""

    def wake() -> None:
        try:
            run_broadcasts.apply_async(retry=False)
        except Exception as error:
            log.warning("broadcasts_not_woken", error=str(error)[:200])

    transaction.on_commit(wake, robust=True)


@shared_task(name="campaigns.sweep_leases")
def sweep_leases() -> dict[str, int]:
    swept = messages.sweep_leases()
    if swept["queued"]:
        wake_sender()
    return swept


@shared_task(name="campaigns.sweep_reservations")
def sweep_reservations() -> int:
    return coupon_uses.sweep_reservations()


@shared_task(name="campaigns.advance_journeys")
def advance_journeys() -> int:
    """Enter due segment members and advance due runs.

    When the task is delivered twice or late, it does whatever is due then, which may be nothing (F3).
    """
    cache.delete("campaigns.advance-journeys")
    journey_entries.enter_waiting()
    for segment in journey_entries.awaited_segments():
        compute_soon(segment)
    steps = journey_engine.advance_due()
    if steps:
        wake_sender()
    return steps


@shared_task(name="campaigns.enter_journeys")
def enter_journeys() -> dict[int, int]:
    """Let customers enter by date, timetable or segment membership, which have no event."""
    entered = journey_entries.enter_due()
    if entered:
        wake_journeys()
    return entered


def wake_entries() -> None:
    """Let initial segment members enter soon after the commit. Without Redis the schedule does it (F4)."""

    def wake() -> None:
        try:
            enter_journeys.apply_async(retry=False)
        except Exception as error:
            log.warning("entries_not_woken", error=str(error)[:200])

    transaction.on_commit(wake, robust=True)


def wake_journeys() -> None:
    """Advance due runs soon after the commit. Without Redis the schedule does it (F4)."""
    transaction.on_commit(_wake_journeys, robust=True)


def _wake_journeys() -> None:
    try:
        if cache.add("campaigns.advance-journeys", 1, WAKE_SECONDS):
            advance_journeys.apply_async(retry=False)
    except Exception as error:
        log.warning("journeys_not_woken", error=str(error)[:200])
