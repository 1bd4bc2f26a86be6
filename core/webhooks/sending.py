"""Sending of webhook deliveries: claimed with a lease, sent outside any transaction, recorded with the answer.

At least once: if a worker dies after sending, its lease runs out and another worker sends the same message id again.
One task at a time serves an endpoint. An endpoint that does not answer is paused, so that it costs the others only the
first wait.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from hashlib import sha256
from uuid import UUID

import structlog
from django.core.cache import cache
from django.db import connection, transaction

from core.base import clock
from core.db.locks import lock_row
from core.events.bus import emit
from core.http import outgoing
from core.http.outgoing import HttpAnswer, NoAnswer, Sender
from core.sending.marker import marker
from core.webhooks import registry as webhooks
from core.webhooks.models import SwitchedOff, WebhookEndpoint

log = structlog.get_logger("liuke.webhooks")
MINUTE, HOUR = 60, 3600
# Seconds from each failed attempt to the next; after the last one the delivery is given up.
DELAYS = (5, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 5 * HOUR, 10 * HOUR, 14 * HOUR, 20 * HOUR, 24 * HOUR)
JITTER = 0.1
TIMEOUT = 10.0
CHUNK = 64
PARALLEL = 8
# After this time a chunk starts no new request. Open requests end within the timeout, well before the lease ends.
CHUNK_SECONDS = 40.0
LEASE = timedelta(seconds=90)
TASK_SECONDS = 120.0
LONGEST_WAIT = timedelta(hours=24)
OFF_AFTER = timedelta(days=5)
LONGEST_PAUSE = 300


@dataclass(frozen=True)
class ClaimedDelivery:
    """A claimed delivery. `attempt` counts from 1 and includes the current attempt."""

    id: UUID
    event_type: str
    body: str
    attempt: int


@dataclass(frozen=True)
class DeliveryOutcome:
    claimed: ClaimedDelivery
    status: int | None = None
    answer: str = ""
    error: str = ""
    retry_after: str = ""
    milliseconds: int = 0

    @property
    def delivered(self) -> bool:
        return self.status is not None and 200 <= self.status < 300

    @property
    def unwell(self) -> bool:
        """True if the receiver as a whole fails; False if it only refuses this one event."""
        return self.status is None or self.status in {408, 429} or self.status >= 500


def send_due(endpoint_id: int) -> int:
    """Send the due deliveries of one endpoint until none are left or the receiver fails.

    Return the number of attempts.
    """
    if cache.get(_pause_of(endpoint_id)) or not cache.add(_busy_of(endpoint_id), 1, int(LEASE.total_seconds())):
        return 0
    began = time.monotonic()
    tried = 0
    try:
        with Sender(seconds=TIMEOUT, connections=PARALLEL) as sender:
            while time.monotonic() - began < TASK_SECONDS:
                count, goes_on = _send_chunk(endpoint_id, sender)
                tried += count
                if not goes_on:
                    break
                cache.touch(_busy_of(endpoint_id), int(LEASE.total_seconds()))
    finally:
        marker.flush()
        cache.delete(_busy_of(endpoint_id))
    return tried


def owed_endpoints() -> list[int]:
    """Return active endpoints with due deliveries that no worker has leased, except paused endpoints."""
    now = clock.now()
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT e.id FROM core_webhookendpoint e
               WHERE e.active AND NOT core_sending_held(%s, %s) AND EXISTS (
                   SELECT FROM core_webhookdelivery d WHERE d.endpoint_id = e.id AND d.state = 'pending'
                   AND d.due_at <= %s AND (d.leased_until IS NULL OR d.leased_until <= %s)) ORDER BY e.id""",
            [marker.line, marker.seen, now, now],
        )
        endpoints = [pk for (pk,) in cursor.fetchall()]
    return [pk for pk in endpoints if not cache.get(_pause_of(pk))]


def end_pause(endpoint_id: int) -> None:
    """End the pause of an endpoint, because a user wants a try now."""
    cache.delete_many([_pause_of(endpoint_id), _failures_of(endpoint_id)])


def delay_after(delivery: UUID, attempt: int) -> float | None:
    """Return the seconds until the next try after failed attempt number `attempt`; None after the last one.

    The delay is up to a tenth longer than the schedule, different for each message, so that deliveries that failed
    together do not return together.
    """
    if attempt > len(DELAYS):
        return None
    share = int.from_bytes(sha256(f"{delivery}:{attempt}".encode()).digest()[:4], "big") / 2**32
    return DELAYS[attempt - 1] * (1 + JITTER * share)


def lag_seconds() -> tuple[int, float, int]:
    """Return (number of due deliveries, lateness of the oldest in seconds, endpoints switched off by failure)."""
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT count(d.id), coalesce(extract(epoch FROM clock_timestamp() - min(d.due_at)), 0)::float
               FROM core_webhookendpoint e JOIN core_webhookdelivery d ON d.endpoint_id = e.id
               WHERE e.active AND d.state = 'pending' AND d.due_at <= clock_timestamp()"""
        )
        due, lag = cursor.fetchone()
    return due, lag, WebhookEndpoint.objects.filter(active=False).exclude(disabled_reason="").count()


def _send_chunk(endpoint_id: int, sender: Sender) -> tuple[int, bool]:
    """Return (number of attempts, whether there may be more work now)."""
    endpoint = WebhookEndpoint.objects.filter(pk=endpoint_id, active=True).first()
    if endpoint is None:
        return 0, False
    # After a failure, test the receiver with one message, not sixty.
    limit = 1 if cache.get(_failures_of(endpoint_id)) else CHUNK
    now = clock.now()
    lease = now + LEASE
    claimed = _claim(endpoint_id, limit, now, lease)
    if not claimed:
        return 0, False
    outcomes = _send_all(endpoint, claimed, sender, now)
    tried = {outcome.claimed.id for outcome in outcomes}
    _give_back([item.id for item in claimed if item.id not in tried], lease)
    _record(endpoint, outcomes, lease)
    if any(outcome.unwell for outcome in outcomes):
        _pause(endpoint_id)
        return len(outcomes), False
    if any(outcome.delivered for outcome in outcomes):
        cache.delete(_failures_of(endpoint_id))
    return len(outcomes), True


def _claim(endpoint_id: int, limit: int, now: datetime, lease: datetime) -> list[ClaimedDelivery]:
    with connection.cursor() as cursor:
        cursor.execute(
            """WITH due AS MATERIALIZED (
                   SELECT id FROM core_webhookdelivery
                   WHERE endpoint_id = %s AND state = 'pending' AND due_at <= %s
                         AND (leased_until IS NULL OR leased_until <= %s) AND NOT core_sending_held(%s, %s)
                   ORDER BY due_at LIMIT %s FOR UPDATE SKIP LOCKED)
               UPDATE core_webhookdelivery d SET leased_until = %s, attempts = d.attempts + 1
               FROM due WHERE d.id = due.id
               RETURNING d.id, d.event_type, d.body, d.attempts, d.event_id, (SELECT nextval('core_sending_seq'))""",
            [endpoint_id, now, now, marker.line, marker.seen, limit, lease],
        )
        rows = sorted(cursor.fetchall(), key=lambda row: row[4])
    if rows:
        marker.saw(rows[0][5])
    return [ClaimedDelivery(*row[:4]) for row in rows]


def _send_all(
    endpoint: WebhookEndpoint, claimed: Sequence[ClaimedDelivery], sender: Sender, now: datetime
) -> list[DeliveryOutcome]:
    """Send a few at a time, started in the order of the events. Start no more when the receiver fails."""
    keys = [endpoint.secret]
    if endpoint.previous_secret and endpoint.previous_until and endpoint.previous_until > now:
        keys.append(endpoint.previous_secret)
    began = time.monotonic()
    stop = False

    def send(item: ClaimedDelivery) -> DeliveryOutcome | None:
        nonlocal stop
        if stop or time.monotonic() - began > CHUNK_SECONDS:
            return None
        stamp = int(now.timestamp() + time.monotonic() - began)
        outcome = _send(endpoint.url, keys, item, sender, stamp)
        stop = stop or outcome.unwell or outcome.status == 410
        return outcome

    if len(claimed) == 1:
        return [outcome for outcome in map(send, claimed) if outcome]
    with ThreadPoolExecutor(PARALLEL, thread_name_prefix="webhook") as threads:
        return [outcome for outcome in threads.map(send, claimed) if outcome]


def _send(url: str, keys: Sequence[str], item: ClaimedDelivery, sender: Sender, stamp: int) -> DeliveryOutcome:
    body = item.body.encode()
    headers = {
        "content-type": "application/json",
        "user-agent": "Liuke-Webhooks/1",
        "webhook-id": str(item.id),
        "webhook-timestamp": str(stamp),
        "webhook-signature": outgoing.signature(keys, str(item.id), stamp, body),
    }
    began = time.monotonic()
    try:
        answer: HttpAnswer | NoAnswer = sender.post(url, headers, body)
    except NoAnswer as error:
        answer = error
    milliseconds = int((time.monotonic() - began) * 1000)
    if isinstance(answer, NoAnswer):
        return DeliveryOutcome(item, error=f"{answer.code}: {answer}"[:300], milliseconds=milliseconds)
    return DeliveryOutcome(item, answer.status, answer.text[:500], "", answer.retry_after, milliseconds)


def _give_back(ids: Sequence[UUID], lease: datetime) -> None:
    if ids:
        with connection.cursor() as cursor:
            cursor.execute(
                """UPDATE core_webhookdelivery SET leased_until = NULL, attempts = attempts - 1
                   WHERE id = ANY(%s) AND state = 'pending' AND leased_until = %s""",
                [list(ids), lease],
            )


def _record(endpoint: WebhookEndpoint, outcomes: Sequence[DeliveryOutcome], lease: datetime) -> None:
    """Write the outcomes. A late failure is dropped when another worker holds the row; a success always counts."""
    if not outcomes:
        return
    now = clock.now()
    rows = [_row_of(outcome, now) for outcome in outcomes]
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(
                """UPDATE core_webhookdelivery d
                   SET state = given.state, due_at = coalesce(given.due_at, d.due_at), leased_until = NULL,
                       status = given.status, answer = given.answer, error = given.error,
                       milliseconds = given.milliseconds, ended_at = given.ended_at
                   FROM unnest(%s::uuid[], %s::text[], %s::timestamptz[], %s::int[], %s::text[], %s::text[], %s::int[],
                               %s::timestamptz[])
                        AS given(id, state, due_at, status, answer, error, milliseconds, ended_at)
                   WHERE d.id = given.id AND d.state = 'pending'
                         AND (given.state = 'delivered' OR d.leased_until = %s)""",
                [*(list(column) for column in zip(*rows, strict=True)), lease],
            )
        _judge(endpoint, outcomes, now)


def _row_of(outcome: DeliveryOutcome, now: datetime) -> tuple:
    state, due = "delivered", None
    if not outcome.delivered:
        delay = delay_after(outcome.claimed.id, outcome.claimed.attempt)
        state = "dead" if delay is None else "pending"
        due = None if delay is None else max(now + timedelta(seconds=delay), _asked_for(outcome.retry_after, now))
    return (
        outcome.claimed.id,
        state,
        due,
        outcome.status,
        outcome.answer,
        outcome.error,
        outcome.milliseconds,
        None if state == "pending" else now,
    )


def _asked_for(retry_after: str, now: datetime) -> datetime:
    """Return the time that a Retry-After names, at most a day ahead; `now` when it names none."""
    try:
        until = (
            now + timedelta(seconds=int(retry_after)) if retry_after.isdigit() else parsedate_to_datetime(retry_after)
        )
        return max(now, min(until, now + LONGEST_WAIT))
    except (ValueError, TypeError, OverflowError):
        return now


def _judge(endpoint: WebhookEndpoint, outcomes: Sequence[DeliveryOutcome], now: datetime) -> None:
    """Update the state of the endpoint: failing, recovered, or switched off."""
    is_gone = any(outcome.status == 410 for outcome in outcomes)
    is_well = any(outcome.delivered for outcome in outcomes)
    since = endpoint.failing_since
    if not is_gone and (since is None if is_well else since is not None and now - since < OFF_AFTER):
        return
    locked = lock_row(WebhookEndpoint.objects.filter(pk=endpoint.pk))
    if not locked.active:
        return
    if is_well and not is_gone:
        locked.failing_since = None
    elif is_gone or (locked.failing_since and now - locked.failing_since >= OFF_AFTER):
        locked.active = False
        locked.disabled_reason = SwitchedOff.GONE if is_gone else SwitchedOff.FAILING
        emit(
            webhooks.ENDPOINT_SWITCHED_OFF,
            subject_id=None,
            payload={"endpoint": locked.pk, "url": locked.url, "reason": str(locked.disabled_reason)},
        )
        transaction.on_commit(webhooks.forget, robust=True)
        log.warning("webhook_switched_off", endpoint=locked.pk, reason=str(locked.disabled_reason))
    else:
        locked.failing_since = locked.failing_since or now
    locked.save(update_fields=["active", "disabled_reason", "failing_since"])


def _pause(endpoint_id: int) -> None:
    """Pause an endpoint: 5 s, then twice as long each time, at most five minutes."""
    failures = (cache.get(_failures_of(endpoint_id)) or 0) + 1
    cache.set(_failures_of(endpoint_id), failures, 3600)
    cache.set(_pause_of(endpoint_id), 1, min(LONGEST_PAUSE, 5 * 2 ** min(failures - 1, 10)))


def _busy_of(endpoint_id: int) -> str:
    return f"webhooks:busy:{endpoint_id}"


def _pause_of(endpoint_id: int) -> str:
    return f"webhooks:pause:{endpoint_id}"


def _failures_of(endpoint_id: int) -> str:
    return f"webhooks:failures:{endpoint_id}"
