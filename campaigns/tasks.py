"""What runs by itself: due messages, care rules, sweeps, and long coupon jobs."""

from __future__ import annotations

import structlog
from celery import shared_task
from django.core.cache import cache
from django.db import transaction

from campaigns.services import care_runs, coupon_codes, coupon_uses, messages
from core.models import Job

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


def start_job(job: Job) -> None:
    """After the commit, hand an issue or a generation to a worker; what is lost on the way the sweep finds."""

    def start() -> None:
        try:
            run_job.apply_async((job.pk,), retry=False)
        except Exception as error:
            log.warning("job_not_started", job=job.pk, error=str(error)[:200])

    transaction.on_commit(start, robust=True)


@shared_task(name="campaigns.send_due")
def send_due() -> int:
    # The mark goes before the look, so that whoever finds it set is covered by this run.
    cache.delete("campaigns.send-due")
    return messages.send_due()


@shared_task(name="campaigns.run_care_rules")
def run_care_rules() -> dict[int, int]:
    made = care_runs.run_care_rules()
    if any(made.values()):
        wake_sender()
    return made


@shared_task(name="campaigns.sweep_leases")
def sweep_leases() -> dict[str, int]:
    for pk in coupon_codes.waiting_jobs():
        run_job.apply_async((pk,))
    swept = messages.sweep_leases()
    if swept["queued"]:
        wake_sender()
    return swept


@shared_task(name="campaigns.sweep_reservations")
def sweep_reservations() -> int:
    return coupon_uses.sweep_reservations()


@shared_task(name="campaigns.run_job")
def run_job(job_id: int) -> str:
    return coupon_codes.run_job(Job.objects.get(pk=job_id)).state
