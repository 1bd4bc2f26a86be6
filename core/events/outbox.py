"""The relay from pending deliveries to handlers: at least one attempt, exactly one effect.

A delivery is claimed by a lock on its row (SKIP LOCKED). The handler works in the same transaction, which also deletes
the row. A crash rolls both back; two relays never hold the same row.
"""

from __future__ import annotations

import json

import structlog
from django.db import connection, transaction
from django.db.models.functions import Now

from core.events.bus import HANDLERS, Effect, Event, limited
from core.events.models import EventDelivery
from core.events.relays import poke

log = structlog.get_logger("liuke.outbox")
BATCH = 500
MAX_ATTEMPTS = 12


def deliver(name: str, *, batches: int = 40) -> int:
    """Hand all due events to one handler, in batches. Return the number of handled events."""
    handled = 0
    for _ in range(batches):
        count = _deliver_batch(name, BATCH)
        handled += count
        if count < BATCH:
            break
    else:
        poke([name])
    return handled


def deliver_all(rounds: int = 20) -> int:
    """Deliver all due events until none are left: for commands and tests that run without workers."""
    total = 0
    for _ in range(rounds):
        handled = sum(deliver(name) for name in owed_handlers())
        total += handled
        if not handled:
            break
    return total


def owed_handlers() -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT handler FROM core_eventdelivery WHERE dead_at IS NULL AND due_at <= statement_timestamp()"
        )
        return [name for (name,) in cursor.fetchall() if name in HANDLERS]


def sweep() -> int:
    """Wake the relay for every handler with due deliveries, which a crash or a lost task left behind."""
    names = owed_handlers()
    poke(names, again=True)
    return len(names)


def revive(delivery_ids: list[int] | None = None) -> int:
    """Give dead deliveries another round of attempts, from the jobs page."""
    dead = EventDelivery.objects.filter(dead_at__isnull=False)
    if delivery_ids is not None:
        dead = dead.filter(pk__in=delivery_ids)
    names = list(dead.values_list("handler", flat=True).distinct())
    count = dead.update(dead_at=None, attempts=0, due_at=Now())
    poke(names)
    return count


def _deliver_batch(name: str, limit: int) -> int:
    try:
        with transaction.atomic():
            claimed = _claim(name, limit)
            if claimed:
                _handle(name, [event for _, event in claimed])
                _forget([delivery for delivery, _ in claimed])
        return len(claimed)
    except Exception as error:
        # One failing event must not hold up the others, so the events of the batch are repeated one by one.
        log.warning("batch_failed", handler=name, error=str(error)[:300], exc_info=True)
        return _deliver_singly(name, limit)


def _deliver_singly(name: str, limit: int) -> int:
    handled = 0
    last = 0
    for _ in range(limit):
        try:
            with transaction.atomic():
                claimed = _claim(name, 1, after=last)
                if not claimed:
                    break
                delivery, event = claimed[0]
                last = delivery
                with transaction.atomic():
                    _handle(name, [event])
                _forget([delivery])
                handled += 1
        except Exception as error:
            _postpone(last, error)
            log.error("delivery_failed", handler=name, delivery=last, error=str(error)[:300])
    return handled


def _handle(name: str, events: list[Event]) -> None:
    """Hand over the events in groups of equal effect, so that events of the handler keep the limit of their cause."""
    for effect in sorted({event.effect for event in events}):
        with limited(effect):
            HANDLERS[name]([event for event in events if event.effect == effect])


def _claim(name: str, limit: int, after: int = 0) -> list[tuple[int, Event]]:
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT d.id, e.id, e.kind, e.subject_id, e.payload, e.occurred_at, e.effect
               FROM (SELECT id, event_id FROM core_eventdelivery
                     WHERE handler = %s AND dead_at IS NULL AND due_at <= statement_timestamp() AND id > %s
                     ORDER BY id LIMIT %s FOR UPDATE SKIP LOCKED) d
               JOIN core_domainevent e ON e.id = d.event_id ORDER BY d.id""",
            [name, after, limit],
        )
        return [
            (
                delivery,
                Event(
                    pk, kind, subject, payload if isinstance(payload, dict) else json.loads(payload), at, Effect(effect)
                ),
            )
            for delivery, pk, kind, subject, payload, at, effect in cursor.fetchall()
        ]


def _forget(ids: list[int]) -> None:
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM core_eventdelivery WHERE id = ANY(%s)", [ids])


def _postpone(delivery_id: int, error: Exception) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            """UPDATE core_eventdelivery SET attempts = attempts + 1, last_error = %s,
                      due_at = statement_timestamp() + make_interval(secs => least(3600, 5 * power(2, attempts))),
                      dead_at = CASE WHEN attempts + 1 >= %s THEN now() END
               WHERE id = %s""",
            [f"{type(error).__name__}: {error}"[:2000], MAX_ATTEMPTS, delivery_id],
        )
