"""Background tasks of events."""

from celery import shared_task

from core.events import outbox


@shared_task(name="core.deliver_events")
def deliver_events(handler: str) -> int:
    return outbox.deliver(handler)


@shared_task(name="core.sweep_outbox")
def sweep_outbox() -> int:
    return outbox.sweep()
