"""Define scheduled tasks: due messages, care rules, journeys and sweeps."""

from __future__ import annotations

from celery import shared_task

from campaigns.messages.services import deliverability, messages
from core.jobs.queueing import enqueue


@shared_task(name="campaigns.send_due")
def send_due() -> int:
    return messages.send_due()


@shared_task(name="campaigns.sweep_leases")
def sweep_leases() -> dict[str, int]:
    swept = messages.sweep_leases()
    if swept["queued"]:
        enqueue("campaigns.send_due")
    return swept


@shared_task(name="campaigns.drop_old_domain_counts")
def drop_old_domain_counts() -> int:
    return deliverability.drop_old_counts()
