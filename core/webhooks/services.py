"""Webhook endpoints of the merchant's own systems: creation, changes, deliveries and replay."""

from __future__ import annotations

import json
import uuid
from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from core.base import clock
from core.base.errors import Conflict, Invalid
from core.db.locks import lock_row, require_transaction
from core.events.bus import Event
from core.http import outgoing
from core.webhooks import registry as webhooks
from core.webhooks.models import WebhookDelivery, WebhookEndpoint, WebhookState
from core.webhooks.registry import PUBLIC

MOST_ENDPOINTS = 50
# The previous secret signs too for this long.
OVERLAP = timedelta(hours=24)
KEPT = timedelta(days=30)
REPLAY_CHUNK = 10_000


def create_endpoint(*, url: str, event_types: Sequence[str], description: str = "") -> tuple[WebhookEndpoint, str]:
    """Create an endpoint. Return it with its secret, which is shown only once.

    It gets events from at most three seconds later on. Raises Invalid for an address that is not allowed or an unknown
    event type.
    """
    _check(url, event_types)
    secret = outgoing.make_secret()
    with transaction.atomic():
        if WebhookEndpoint.objects.count() >= MOST_ENDPOINTS:
            raise Conflict(_("There are already 50 webhooks, which is the limit."), code="too_many_endpoints")
        endpoint = WebhookEndpoint.objects.create(
            url=url, description=description, secret=secret, event_types=_sorted(event_types)
        )
        _forget_after_commit()
    return endpoint, secret


def update_endpoint(
    *, endpoint: WebhookEndpoint, url: str, event_types: Sequence[str], description: str = ""
) -> WebhookEndpoint:
    """Change address and event types. Pending deliveries go to the new address. Raises Invalid like create_endpoint."""
    _check(url, event_types)
    with transaction.atomic():
        locked = _lock(endpoint)
        locked.url, locked.description, locked.event_types = url, description, _sorted(event_types)
        locked.save(update_fields=["url", "description", "event_types"])
        _forget_after_commit()
    return locked


def switch_endpoint(*, endpoint: WebhookEndpoint, active: bool) -> WebhookEndpoint:
    """Switch an endpoint on or off. On: pending deliveries are sent. Off: nothing more is written or sent for it."""
    with transaction.atomic():
        locked = _lock(endpoint)
        if locked.active != active:
            locked.active, locked.disabled_reason, locked.failing_since = active, "", None
            locked.save(update_fields=["active", "disabled_reason", "failing_since"])
            _forget_after_commit()
    return locked


def rotate_secret(*, endpoint: WebhookEndpoint) -> tuple[WebhookEndpoint, str]:
    """Create a new secret and return it, only once. Both secrets sign for 24 hours, so that the receiver can switch."""
    secret = outgoing.make_secret()
    with transaction.atomic():
        locked = _lock(endpoint)
        locked.previous_secret, locked.secret = locked.secret, secret
        locked.previous_until = clock.now() + OVERLAP
        locked.save(update_fields=["secret", "previous_secret", "previous_until"])
    return locked, secret


def fan_out(*, events: Sequence[Event]) -> set[int]:
    """Write the deliveries of these events to each active endpoint, once each. Return the endpoints with deliveries."""
    require_transaction()
    endpoints = list(WebhookEndpoint.objects.filter(active=True).only("pk", "event_types"))
    subscribers: dict[str, list[int]] = defaultdict(list)
    for endpoint in endpoints:
        for name in endpoint.event_types:
            subscribers[name].append(endpoint.pk)
    rows: list[tuple[int, int, str, str]] = []
    for public in PUBLIC:
        batch = [event for event in events if event.kind == public.event.kind] if subscribers[public.name] else []
        payloads = public.build(batch) if batch else []
        for event, payload in zip(batch, payloads, strict=True):
            if payload is not None:
                body = make_body(public.name, event.occurred_at, payload)
                rows += [(pk, event.id, public.name, body) for pk in subscribers[public.name]]
    _insert(rows)
    return {row[0] for row in rows}


def make_body(name: str, at: datetime, data: dict[str, Any]) -> str:
    """Return the body of a delivery: the type, the time in UTC and the data."""
    stamp = at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return json.dumps({"type": name, "timestamp": stamp, "data": data}, ensure_ascii=False, separators=(",", ":"))


def send_test_event(*, endpoint: WebhookEndpoint) -> WebhookDelivery:
    """Queue a `webhook.test`, whatever its subscribed types are. Raises Conflict when the endpoint is switched off."""
    with transaction.atomic():
        locked = _lock(endpoint)
        _require_active(locked)
        now = clock.now()
        return WebhookDelivery.objects.create(
            endpoint=locked,
            # No event has a number below zero, so a test never collides with one.
            event_id=-int(now.timestamp() * 1_000_000),
            event_type=webhooks.TEST,
            body=make_body(webhooks.TEST, now, {}),
        )


def replay_delivery(*, delivery: WebhookDelivery) -> WebhookDelivery:
    """Send a delivery again now, with a new round of attempts and its old message id.

    Raises Conflict when the endpoint is switched off.
    """
    with transaction.atomic():
        locked = lock_row(WebhookDelivery.objects.filter(pk=delivery.pk))
        _require_active(locked.endpoint)
        WebhookDelivery.objects.filter(pk=locked.pk).update(**_new_round())
        locked.refresh_from_db()
    return locked


def replay_failed(*, endpoint: WebhookEndpoint, since: datetime) -> int:
    """Send the dead deliveries since a moment again, at most the oldest 10,000 in one call. Return their number."""
    with transaction.atomic():
        _require_active(_lock(endpoint))
        dead = WebhookDelivery.objects.filter(endpoint=endpoint, state=WebhookState.DEAD, created_at__gte=since)
        oldest = dead.order_by("created_at").values_list("pk", flat=True)[:REPLAY_CHUNK]
        return WebhookDelivery.objects.filter(pk__in=list(oldest), state=WebhookState.DEAD).update(**_new_round())


def drop_old_deliveries(*, limit: int = 1_000_000, chunk: int = 5_000) -> int:
    """Delete deliveries older than 30 days, except pending ones of active endpoints."""
    before = clock.now() - KEPT
    dropped = 0
    while dropped < limit:
        with connection.cursor() as cursor:
            cursor.execute(
                """DELETE FROM core_webhookdelivery WHERE id IN (
                       SELECT d.id FROM core_webhookendpoint e CROSS JOIN LATERAL (
                           SELECT id FROM core_webhookdelivery d
                           WHERE d.endpoint_id = e.id AND d.created_at < %s AND NOT (d.state = 'pending' AND e.active)
                           LIMIT %s) d
                       LIMIT %s)""",
                [before, chunk, chunk],
            )
            dropped += cursor.rowcount
            if cursor.rowcount < chunk:
                return dropped
    return dropped


def _insert(rows: Sequence[tuple[int, int, str, str]]) -> None:
    if not rows:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            """INSERT INTO core_webhookdelivery (id, endpoint_id, event_id, event_type, body, state, attempts, answer,
                                                 error)
               SELECT given.id, given.endpoint, given.event, given.type, given.body, 'pending', 0, '', ''
               FROM unnest(%s::uuid[], %s::bigint[], %s::bigint[], %s::text[], %s::text[])
                    AS given(id, endpoint, event, type, body)
               ON CONFLICT ON CONSTRAINT core_webhookdelivery_once DO NOTHING""",
            [[uuid.uuid4() for _row in rows], *(list(column) for column in zip(*rows, strict=True))],
        )


def _new_round() -> dict[str, Any]:
    return {
        "state": WebhookState.PENDING,
        "attempts": 0,
        "due_at": Now(),
        "leased_until": None,
        "ended_at": None,
        "error": "",
    }


def _check(url: str, event_types: Sequence[str]) -> None:
    if len(url) > 500:
        raise Invalid(_("This address is not valid."), field="url")
    outgoing.check_url(url)
    if not event_types:
        raise Invalid(_("Choose at least one."), field="event_types")
    unknown = sorted(set(event_types) - set(PUBLIC.names()))
    if unknown:
        raise Invalid(
            _("Unknown event: %(names)s.") % {"names": ", ".join(unknown)},
            code="unknown_event_type",
            field="event_types",
        )


def _sorted(event_types: Sequence[str]) -> list[str]:
    return sorted(set(event_types))


def _lock(endpoint: WebhookEndpoint) -> WebhookEndpoint:
    return lock_row(WebhookEndpoint.objects.filter(pk=endpoint.pk))


def _require_active(endpoint: WebhookEndpoint) -> None:
    if not endpoint.active:
        raise Conflict(_("This webhook is switched off. Switch it on first."), code="endpoint_off")


def _forget_after_commit() -> None:
    transaction.on_commit(webhooks.forget, robust=True)
