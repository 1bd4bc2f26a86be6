"""Helpers for webhook tests: an endpoint, events for it, and one round of sending."""

from __future__ import annotations

from django.db import transaction

from core.events.bus import emit
from core.webhooks import sending as webhook_sending
from core.webhooks import services
from core.webhooks.models import WebhookDelivery, WebhookEndpoint
from crm.customers.events import CUSTOMER_CREATED


def subscribe(receiver_or_url, *types: str) -> tuple[WebhookEndpoint, str]:
    url = getattr(receiver_or_url, "url", receiver_or_url)
    return services.create_endpoint(url=url, event_types=types or ("customer.created",))


def happen(count: int = 1, subject: int | None = None, kind=CUSTOMER_CREATED, **payload) -> None:
    with transaction.atomic():
        for _number in range(count):
            emit(kind, subject_id=subject, payload=payload)


def send(endpoint: WebhookEndpoint) -> int:
    webhook_sending.end_pause(endpoint.pk)
    return webhook_sending.send_due(endpoint.pk)


def only(endpoint: WebhookEndpoint) -> WebhookDelivery:
    return WebhookDelivery.objects.get(endpoint=endpoint)
