"""The relay's tasks, and those that tell the merchant's own systems."""

from collections.abc import Iterable

import structlog
from celery import shared_task
from django.core.cache import cache
from django.db import transaction

from core.services import outbox, webhook_sending, webhooks

log = structlog.get_logger("liuke.webhooks")
WAKE_SECONDS = 15


@shared_task(name="core.deliver_events")
def deliver_events(handler: str) -> int:
    return outbox.deliver(handler)


@shared_task(name="core.sweep_outbox")
def sweep_outbox() -> int:
    return outbox.sweep()


@shared_task(name="core.send_webhooks")
def send_webhooks(endpoint: int) -> int:
    """What one endpoint is due. What comes in while the last look ends is found by looking once more."""
    cache.delete(_mark_of(endpoint))
    tried = webhook_sending.send_due(endpoint)
    if tried and endpoint in webhook_sending.owed_endpoints():
        _wake({endpoint})
    return tried


@shared_task(name="core.sweep_webhooks")
def sweep_webhooks() -> int:
    """Retries that are due, and what a crash or a lost task left behind."""
    owed = webhook_sending.owed_endpoints()
    cache.delete_many([_mark_of(endpoint) for endpoint in owed])
    _wake(owed)
    return len(owed)


@shared_task(name="core.drop_old_webhook_deliveries")
def drop_old_webhook_deliveries() -> int:
    return webhooks.drop_old_deliveries()


def wake_senders(endpoints: Iterable[int]) -> None:
    """After the commit, have these endpoints sent what they are due. Without Redis the sweep does it."""
    chosen = set(endpoints)
    if chosen:
        transaction.on_commit(lambda: _wake(chosen), robust=True)


def _wake(endpoints: Iterable[int]) -> None:
    for endpoint in endpoints:
        try:
            if cache.add(_mark_of(endpoint), 1, WAKE_SECONDS):
                send_webhooks.apply_async((endpoint,), retry=False)
        except Exception as error:
            log.warning("sender_not_woken", endpoint=endpoint, error=str(error)[:200])


def _mark_of(endpoint: int) -> str:
    return f"webhooks:woken:{endpoint}"
