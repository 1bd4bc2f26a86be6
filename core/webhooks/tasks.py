"""Background tasks of webhooks."""

from celery import shared_task

from core.jobs.queueing import enqueue
from core.webhooks import sending, services


@shared_task(name="core.send_webhooks")
def send_webhooks(endpoint: int) -> int:
    """Send the deliveries of one endpoint that are due, and queue the task again for those that came in at the end."""
    tried = sending.send_due(endpoint)
    if tried and endpoint in sending.owed_endpoints():
        enqueue("core.send_webhooks", endpoint)
    return tried


@shared_task(name="core.sweep_webhooks")
def sweep_webhooks() -> int:
    """Queue the endpoints with retries that are due, or with deliveries that a crash or a lost task left behind."""
    endpoints = sending.owed_endpoints()
    for endpoint in endpoints:
        enqueue("core.send_webhooks", endpoint, again=True)
    return len(endpoints)


@shared_task(name="core.drop_old_webhook_deliveries")
def drop_old_webhook_deliveries() -> int:
    return services.drop_old_deliveries()
