"""What runs by itself: due messages, care rules, journeys and sweeps."""

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
    """After the commit, have what is due sent at once. Many calls in a moment are one; without Redis the timetable does it."""
    transaction.on_commit(_wake, robust=True)


def _wake() -> None:
    try:
        if cache.add("campaigns.send-due", 1, WAKE_SECONDS):
            send_due.apply_async(retry=False)
    except Exception as error:
        log.warning("sender_not_woken", error=str(error)[:200])


@shared_task(name="campaigns.send_due")
def send_due() -> int:
    # The mark goes before the look, so that whoever finds it set is covered by this run.
    cache.delete("campaigns.send-due")
    return messages.send_due()


@shared_task(name="campaigns.run_care_rules")
def run_care_rules() -> dict[int, int]:
    made = care_runs.run_care_rules()
    for segment in care_runs.awaited_segments():
        compute_soon(segment)
    if any(made.values()):
        wake_sender()
    return made


@shared_task(name="campaigns.run_broadcasts")
def run_broadcasts() -> dict[str, int]:
    done = broadcast_runs.run_broadcasts()
    for segment in broadcast_runs.awaited_segments():
        compute_soon(segment)
    if done["made"] or done["resumed"]:
        wake_sender()
    return done


def wake_broadcasts() -> None:
    """After the commit, have what was scheduled for now start now."""

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
    """Members of a segment who may enter now, and runs that are due. Delivered twice or late it finds what is due then, which may be nothing (F3)."""
    cache.delete("campaigns.advance-journeys")
    journey_entries.enter_waiting()
    for segment in journey_entries.awaited_segments():
        compute_soon(segment)
    done = journey_engine.advance_due()
    if done:
        wake_sender()
    return done


@shared_task(name="campaigns.enter_journeys")
def enter_journeys() -> dict[int, int]:
    """Dates, timetables, members of a segment: whom no event tells of."""
    entered = journey_entries.enter_due()
    if entered:
        wake_journeys()
    return entered


def wake_entries() -> None:
    """After the commit, let those in who may enter a journey from the start. Without Redis the timetable does it (F4)."""

    def wake() -> None:
        try:
            enter_journeys.apply_async(retry=False)
        except Exception as error:
            log.warning("entries_not_woken", error=str(error)[:200])

    transaction.on_commit(wake, robust=True)


def wake_journeys() -> None:
    """After the commit, have what is due moved at once. Without Redis the timetable does it (F4)."""
    transaction.on_commit(_wake_journeys, robust=True)


def _wake_journeys() -> None:
    try:
        if cache.add("campaigns.advance-journeys", 1, WAKE_SECONDS):
            advance_journeys.apply_async(retry=False)
    except Exception as error:
        log.warning("journeys_not_woken", error=str(error)[:200])
