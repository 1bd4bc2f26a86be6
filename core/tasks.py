"""Tasks of the relay, of webhooks to the merchant's own systems, and of long jobs."""

from collections.abc import Iterable

import structlog
from celery import shared_task
from django.core.cache import cache
from django.db import transaction

from core.models import Job
from core.services import jobs, notices, outbox, sending_hold, webhook_sending, webhooks

log = structlog.get_logger("liuke.tasks")
WAKE_SECONDS = 15


@shared_task(name="core.deliver_events")
def deliver_events(handler: str) -> int:
    return outbox.deliver(handler)


@shared_task(name="core.sweep_outbox")
def sweep_outbox() -> int:
    return outbox.sweep()


@shared_task(name="core.send_webhooks")
def send_webhooks(endpoint: int) -> int:
    """Send the due deliveries of one endpoint. A last check finds deliveries that came in at the end of the run."""
    cache.delete(_mark_of(endpoint))
    tried = webhook_sending.send_due(endpoint)
    if tried and endpoint in webhook_sending.owed_endpoints():
        _wake({endpoint})
    return tried


@shared_task(name="core.sweep_webhooks")
def sweep_webhooks() -> int:
    """Start the sending of due retries, and of deliveries that a crash or a lost task left behind."""
    endpoints = webhook_sending.owed_endpoints()
    cache.delete_many([_mark_of(endpoint) for endpoint in endpoints])
    _wake(endpoints)
    return len(endpoints)


@shared_task(name="core.drop_old_webhook_deliveries")
def drop_old_webhook_deliveries() -> int:
    return webhooks.drop_old_deliveries()


@shared_task(name="core.drop_old_notices")
def drop_old_notices() -> int:
    return notices.drop_old()


@shared_task(name="core.notice_restore")
def notice_restore() -> str:
    """Detect an older copy of the database under running workers, and mark its due work as uncertain."""
    cause = sending_hold.notice_restore()
    sending_hold.doubt_due()
    return cause


def start_job(job: Job) -> None:
    """Hand a job to a worker after the commit. A lost task is found within five minutes."""

    def start() -> None:
        try:
            run_job.apply_async((job.pk,), retry=False)
        except Exception as error:
            log.warning("job_not_started", job=job.pk, error=str(error)[:200])

    transaction.on_commit(start, robust=True)


@shared_task(name="core.run_job")
def run_job(job_id: int) -> str:
    job = Job.objects.filter(pk=job_id).first()
    return jobs.run_job(job).state if job is not None else ""


@shared_task(name="core.restart_jobs")
def restart_jobs() -> list[int]:
    lost = jobs.lost_jobs()
    for pk in lost:
        run_job.apply_async((pk,))
    return lost


def wake_senders(endpoints: Iterable[int]) -> None:
    """Start the sending to these endpoints after the commit. Without Redis, the sweep does it later."""
    unique = set(endpoints)
    if unique:
        transaction.on_commit(lambda: _wake(unique), robust=True)


def _wake(endpoints: Iterable[int]) -> None:
    for endpoint in endpoints:
        try:
            if cache.add(_mark_of(endpoint), 1, WAKE_SECONDS):
                send_webhooks.apply_async((endpoint,), retry=False)
        except Exception as error:
            log.warning("sender_not_woken", endpoint=endpoint, error=str(error)[:200])


def _mark_of(endpoint: int) -> str:
    return f"webhooks:woken:{endpoint}"
