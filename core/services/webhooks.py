"""Endpoints of the merchant's own systems: made, changed, told, and told again."""

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

from core import clock, outgoing, webhooks
from core.errors import Conflict, Invalid
from core.events import Event
from core.locks import lock_row, require_transaction
from core.models import WebhookDelivery, WebhookEndpoint, WebhookState
from core.webhooks import PUBLIC

MOST_ENDPOINTS = 50
# How long the secret before the last one signs too.
OVERLAP = timedelta(hours=24)
KEPT = timedelta(days=30)
REPLAY_CHUNK = 10_000


def create_endpoint(*, url: str, event_types: Sequence[str], description: str = "") -> tuple[WebhookEndpoint, str]:
    """Make an endpoint. Returns it with its secret, which is shown this once.

    It hears of what happens from at most three seconds later on. Raises Invalid for an address that nothing may be
    sent to or an unknown event type.
    """
    _check(url, event_types)
    secret = outgoing.make_secret()
    with transaction.atomic():
        if WebhookEndpoint.objects.count() >= MOST_ENDPOINTS:
            raise Conflict(_("There are 50 webhooks already."), code="too_many_endpoints")
        endpoint = WebhookEndpoint.objects.create(
            url=url, description=description, secret=secret, event_types=_sorted(event_types)
        )
        _forget_after_commit()
    return endpoint, secret


def update_endpoint(
    *, endpoint: WebhookEndpoint, url: str, event_types: Sequence[str], description: str = ""
) -> WebhookEndpoint:
    """Change where to and what of; what is waiting goes to the new address. Raises Invalid as create_endpoint does."""
    _check(url, event_types)
    with transaction.atomic():
        locked = _lock(endpoint)
        locked.url, locked.description, locked.event_types = url, description, _sorted(event_types)
        locked.save(update_fields=["url", "description", "event_types"])
        _forget_after_commit()
    return locked


def switch_endpoint(*, endpoint: WebhookEndpoint, active: bool) -> WebhookEndpoint:
    """On: what has waited meanwhile is sent. Off: nothing more is written or sent for it."""
    with transaction.atomic():
        locked = _lock(endpoint)
        if locked.active != active:
            locked.active, locked.disabled_reason, locked.failing_since = active, "", None
            locked.save(update_fields=["active", "disabled_reason", "failing_since"])
            _forget_after_commit()
    return locked


def rotate_secret(*, endpoint: WebhookEndpoint) -> tuple[WebhookEndpoint, str]:
    """A new secret, returned this once. For 24 hours both sign, so that the receiver can change over in between."""
    secret = outgoing.make_secret()
    with transaction.atomic():
        locked = _lock(endpoint)
        locked.previous_secret, locked.secret = locked.secret, secret
        locked.previous_until = clock.now() + OVERLAP
        locked.save(update_fields=["secret", "previous_secret", "previous_until"])
    return locked, secret


def fan_out(*, events: Sequence[Event]) -> set[int]:
    """Write what each active endpoint is to be sent of these events, once each. Returns the endpoints that got some."""
    require_transaction()
    endpoints = list(WebhookEndpoint.objects.filter(active=True).only("pk", "event_types"))
    wanting: dict[str, list[int]] = defaultdict(list)
    for endpoint in endpoints:
        for name in endpoint.event_types:
            wanting[name].append(endpoint.pk)
    rows: list[tuple[int, int, str, str]] = []
    for public in PUBLIC:
        mine = [event for event in events if event.kind == public.event.kind] if wanting[public.name] else []
        payloads = public.build(mine) if mine else []
        for event, payload in zip(mine, payloads, strict=True):
            if payload is not None:
                body = make_body(public.name, event.occurred_at, payload)
                rows += [(pk, event.id, public.name, body) for pk in wanting[public.name]]
    _insert(rows)
    return {row[0] for row in rows}


def make_body(name: str, at: datetime, data: dict[str, Any]) -> str:
    """What is sent: the type, when it happened in UTC, and its data."""
    stamp = at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return json.dumps({"type": name, "timestamp": stamp, "data": data}, ensure_ascii=False, separators=(",", ":"))


def send_test_event(*, endpoint: WebhookEndpoint) -> WebhookDelivery:
    """Queue a `webhook.test`, whatever the endpoint listens to. Raises Conflict when it is switched off."""
    with transaction.atomic():
        locked = _lock(endpoint)
        _require_active(locked)
        now = clock.now()
        return WebhookDelivery.objects.create(
            endpoint=locked,
            # No event has a number below zero, so a test never meets one.
            event_id=-int(now.timestamp() * 1_000_000),
            event_type=webhooks.TEST,
            body=make_body(webhooks.TEST, now, {}),
        )


def replay_delivery(*, delivery: WebhookDelivery) -> WebhookDelivery:
    """Send one again, now and with a fresh round of attempts, under its old message id. Raises Conflict when switched off."""
    with transaction.atomic():
        locked = lock_row(WebhookDelivery.objects.filter(pk=delivery.pk))
        _require_active(locked.endpoint)
        WebhookDelivery.objects.filter(pk=locked.pk).update(**_afresh())
        locked.refresh_from_db()
    return locked


def replay_failed(*, endpoint: WebhookEndpoint, since: datetime) -> int:
    """Send again all that were given up and were made since then, the oldest 10,000 at a time. Returns how many."""
    with transaction.atomic():
        _require_active(_lock(endpoint))
        dead = WebhookDelivery.objects.filter(endpoint=endpoint, state=WebhookState.DEAD, created_at__gte=since)
        chosen = dead.order_by("created_at").values_list("pk", flat=True)[:REPLAY_CHUNK]
        return WebhookDelivery.objects.filter(pk__in=list(chosen), state=WebhookState.DEAD).update(**_afresh())


def drop_old_deliveries(*, limit: int = 1_000_000, chunk: int = 5_000) -> int:
    """Forget deliveries of more than 30 days ago, except those that an active endpoint still waits for."""
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
            """INSERT INTO core_webhookdelivery (id, endpoint_id, event_id, event_type, body, state, attempts, answer, error)
               SELECT given.id, given.endpoint, given.event, given.type, given.body, 'pending', 0, '', ''
               FROM unnest(%s::uuid[], %s::bigint[], %s::bigint[], %s::text[], %s::text[])
                    AS given(id, endpoint, event, type, body)
               ON CONFLICT ON CONSTRAINT core_webhookdelivery_once DO NOTHING""",
            [[uuid.uuid4() for _row in rows], *(list(column) for column in zip(*rows, strict=True))],
        )


def _afresh() -> dict[str, Any]:
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
            _("There is no event %(names)s.") % {"names": ", ".join(unknown)},
            code="unknown_event_type",
            field="event_types",
        )


def _sorted(event_types: Sequence[str]) -> list[str]:
    return sorted(set(event_types))


def _lock(endpoint: WebhookEndpoint) -> WebhookEndpoint:
    return lock_row(WebhookEndpoint.objects.filter(pk=endpoint.pk))


def _require_active(endpoint: WebhookEndpoint) -> None:
    if not endpoint.active:
        raise Conflict(_("This webhook is switched off: switch it on first."), code="endpoint_off")


def _forget_after_commit() -> None:
    transaction.on_commit(webhooks.forget, robust=True)
