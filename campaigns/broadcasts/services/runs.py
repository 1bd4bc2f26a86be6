"""Move broadcasts on schedule: take the audience, finish completed ones, drop the unsent messages of stopped ones."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import structlog
from django.db import connection, transaction
from django.db.models import CharField, Exists, OuterRef, Value
from django.db.models.functions import Cast, Concat

from analytics.segments.models import CustomerSegments
from campaigns.broadcasts import events
from campaigns.broadcasts.models import Broadcast, BroadcastState
from campaigns.experiments.services.queueing import queue_selected
from campaigns.messages.labels import PAUSED
from campaigns.messages.models import Message, MessageState
from campaigns.messages.rules import GateReason
from campaigns.messages.services import gate
from campaigns.messages.services.gate import CUSTOMER_ZONE
from core.base import clock
from core.db.locks import lock_row
from core.events.bus import emit
from core.jobs.sweeping import Sweep
from core.sending import services as sending_hold

log = structlog.get_logger("liuke.broadcasts")
CHUNK = 20_000
PACED_CHUNK = 200_000
TAKING = (BroadcastState.SENDING, BroadcastState.PAUSED)
UNFINISHED = (MessageState.QUEUED, MessageState.HELD, MessageState.SENDING)
# Customers in the segment, and when their message is wanted: at the start, or when their local clock shows the hour.
# That hour may already be past.
_WANTED = f"""
    SELECT c.id, CASE WHEN %(customer_zone)s
                      THEN greatest((%(wall)s::timestamp AT TIME ZONE {CUSTOMER_ZONE}), %(now)s)
                      ELSE greatest(%(starts)s, %(now)s) END AS wanted
    FROM analytics_customersegments m JOIN crm_customer c ON c.id = m.customer_id AND c.state = 'active'
    WHERE %(segment)s = ANY(m.inside)"""  # noqa: S608 - fragments of the audience; values are parameters
# At most so many messages a minute: each is due when it is wanted, but at least one step after the previous one.
_PACED = """
    SELECT n.id, max(n.wanted - n.at * %(pace)s::interval) OVER (ORDER BY n.at) + n.at * %(pace)s::interval AS due_at
    FROM (SELECT w.id, w.wanted, row_number() OVER (ORDER BY w.wanted, w.id) - 1 AS at FROM ({wanted}) AS w) AS n"""


def audience(broadcast: Broadcast, now: datetime) -> tuple[str, dict[str, Any]]:
    """Return the SELECT of the audience (customer_id, occurrence, due_at, context) for messages and the preview."""
    candidates = f"SELECT w.id, w.wanted AS due_at FROM ({_WANTED}) AS w"  # noqa: S608 - fragments of the audience; values are parameters
    if broadcast.per_minute:
        candidates = _PACED.format(wanted=_WANTED)
    select = f"SELECT p.id, 'once', p.due_at, %(context)s::jsonb FROM ({candidates}) AS p"  # noqa: S608 - fragments of the audience; values are parameters
    zoned = broadcast.customer_zone and broadcast.send_on and broadcast.send_time
    return select, {
        **gate.parameters(now),
        "segment": broadcast.segment_id,
        "starts": broadcast.starts_at or now,
        "customer_zone": bool(zoned),
        "wall": datetime.combine(broadcast.send_on, broadcast.send_time) if zoned else None,  # type: ignore[arg-type]
        "pace": f"{60 / broadcast.per_minute:.6f} seconds" if broadcast.per_minute else None,
        "context": f'{{"coupon_id": {broadcast.coupon_id}}}' if broadcast.coupon_id else "{}",
    }


def run_broadcasts(*, now: datetime | None = None) -> dict[str, int]:
    """Start due broadcasts, continue resumed ones, finish completed ones. A broadcast that fails is tried again.

    Return how many broadcasts were started and finished, and how many messages were made, resumed and dropped. While
    sending is held, no broadcast starts or continues; a stopped one still drops its unsent messages.
    """
    at = now or clock.now()
    counts = {"started": 0, "made": 0, "resumed": 0, "finished": 0, "dropped": 0}
    sweep = Sweep("campaigns.run_broadcasts")
    if sending_hold.is_held():
        counts["dropped"] = _drop_stopped(sweep)
        return counts
    counts["started"] = Broadcast.objects.filter(state=BroadcastState.SCHEDULED, starts_at__lte=at).update(
        state=BroadcastState.SENDING
    )
    pending = Broadcast.objects.filter(state=BroadcastState.SENDING, prepared_at=None).order_by("starts_at")
    for pk in pending.values_list("pk", flat=True):
        try:
            counts["made"] += take_audience(broadcast_id=pk, now=at)
        except Exception as error:
            log.exception("broadcast_failed", broadcast=pk, error=str(error)[:300])
    for pk in Broadcast.objects.filter(state=BroadcastState.SENDING).values_list("pk", flat=True):
        counts["resumed"] += sweep.attempt(pk, lambda pk=pk: bring_forward(broadcast_id=pk, now=at)) or 0
    counts["dropped"] = _drop_stopped(sweep)
    counts["finished"] = finish_through(sweep)
    return counts


def awaited_segments() -> list[int]:
    """Return the segments that broadcasts wait for. A segment whose computation failed waits for the hourly run."""
    waiting = Broadcast.objects.filter(state__in=TAKING, prepared_at=None, segment__error="").select_related("segment")
    return sorted({row.segment_id for row in waiting if not row.segment.is_current})


def _drop_stopped(sweep: Sweep) -> int:
    dropped = 0
    for pk in Broadcast.objects.filter(state=BroadcastState.STOPPED, finished_at=None).values_list("pk", flat=True):
        dropped += sweep.attempt(pk, lambda pk=pk: drop_rest(broadcast_id=pk)) or 0
    return dropped


def take_due(*, before: datetime) -> int:
    """Make the messages of every broadcast that should have started before that moment, even while sending is held.

    After a restore these messages may already have been sent. As rows they can be counted and decided. Return how many
    were made.
    """
    Broadcast.objects.filter(state=BroadcastState.SCHEDULED, starts_at__lte=before).update(state=BroadcastState.SENDING)
    pending = Broadcast.objects.filter(state__in=TAKING, prepared_at=None).order_by("starts_at")
    return sum(take_audience(broadcast_id=pk) for pk in pending.values_list("pk", flat=True))


def take_audience(*, broadcast_id: int, now: datetime | None = None) -> int:
    """Make a message for each customer of the segment, in chunks. A finished chunk stays when a worker dies.

    Existing messages are not made again; two concurrent calls make each message once. Return how many this call made.
    """
    at, made, last = now or clock.now(), 0, 0
    while True:
        with transaction.atomic():
            with connection.cursor() as cursor:
                # Use an advisory lock instead of the row's lock: a pause must not wait for it.
                cursor.execute(
                    "SELECT pg_try_advisory_xact_lock(hashtextextended(%s, 0))", [f"broadcast:{broadcast_id}"]
                )
                if not cursor.fetchone()[0]:
                    return made
            broadcast = Broadcast.objects.select_related("template", "experiment", "segment").get(pk=broadcast_id)
            if broadcast.prepared_at is not None or broadcast.state not in TAKING:
                return made
            if not broadcast.segment.is_current and last == 0:
                # A segment that is not computed yet has no customers in the tables: the broadcast starts once it is
                # computed.
                return made
            select, params = audience(broadcast, at)
            end = _end_of_chunk(broadcast, last)
            made += len(
                queue_selected(
                    select=select,
                    params={**params, "chunk_after": last, "chunk_end": end},
                    where="a.customer_id > %(chunk_after)s "
                    "AND (%(chunk_end)s::bigint IS NULL OR a.customer_id <= %(chunk_end)s)",
                    origin=broadcast.origin,
                    template=broadcast.template,
                    template_version=broadcast.template_version,
                    holdout_percent=broadcast.holdout_percent,
                    experiment=broadcast.experiment,
                )
            )
            if end is None:
                count = Message.objects.filter(origin=broadcast.origin).count()
                Broadcast.objects.filter(pk=broadcast_id).update(prepared_at=clock.now(), audience_count=count)
                return made
        last = end


def _end_of_chunk(broadcast: Broadcast, after: int) -> int | None:
    """Return the last customer of the chunk; None for the last chunk.

    With a pace the chunks are larger, because each chunk counts the pace through all customers again.
    """
    size = PACED_CHUNK if broadcast.per_minute else CHUNK
    inside = CustomerSegments.objects.filter(inside__contains=[broadcast.segment_id], customer_id__gt=after)
    last_ids = inside.order_by("customer_id").values_list("customer_id", flat=True)[size - 1 : size]
    return next(iter(last_ids), None)


def finish_through(sweep: Sweep) -> int:
    """Finish broadcasts of which every message is decided."""
    open_messages = Message.objects.filter(origin=OuterRef("tag"), state__in=UNFINISHED)
    completed = (
        Broadcast.objects.filter(state=BroadcastState.SENDING, prepared_at__isnull=False)
        .alias(tag=Concat(Value("broadcast:"), Cast("pk", CharField())))
        .filter(~Exists(open_messages))
    )
    return sum(
        bool(sweep.attempt(pk, lambda pk=pk: _finish(pk))) for pk in list(completed.values_list("pk", flat=True))
    )


def _finish(pk: int) -> bool:
    with transaction.atomic():
        row = lock_row(Broadcast.objects.filter(pk=pk))
        if row.state != BroadcastState.SENDING:
            return False
        row.state, row.finished_at = BroadcastState.DONE, clock.now()
        row.save(update_fields=["state", "finished_at"])
        emit(events.BROADCAST_FINISHED, subject_id=None, payload={"broadcast": pk, "name": row.name})
    return True


def drop_rest(*, broadcast_id: int) -> int:
    """Suppress the unsent messages of a stopped broadcast with that reason, in chunks."""
    dropped = 0
    while True:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(
                """UPDATE campaigns_message SET state = 'suppressed', reason = %s, decided_at = clock_timestamp()
                   WHERE id IN (SELECT id FROM campaigns_message WHERE origin = %s AND state IN ('queued', 'held')
                                LIMIT %s FOR UPDATE SKIP LOCKED)""",
                [GateReason.STOPPED, f"broadcast:{broadcast_id}", CHUNK],
            )
            count = cursor.rowcount
        dropped += count
        if count < CHUNK:
            break
    if not Message.objects.filter(origin=f"broadcast:{broadcast_id}", state__in=UNFINISHED).exists():
        Broadcast.objects.filter(pk=broadcast_id, finished_at=None).update(finished_at=clock.now())
    return dropped


def bring_forward(*, broadcast_id: int, now: datetime | None = None) -> int:
    """Make messages that a finished pause delayed due again, at the broadcast's pace, in chunks."""
    at, done = now or clock.now(), 0
    while True:
        with transaction.atomic():
            broadcast = lock_row(Broadcast.objects.filter(pk=broadcast_id), weak=True)
            if broadcast.state != BroadcastState.SENDING:
                return done
            with connection.cursor() as cursor:
                cursor.execute(
                    """UPDATE campaigns_message m SET state = 'queued', reason = '', decided_at = NULL,
                              due_at = %(now)s + (g.at + %(done)s) * %(pace)s::interval
                       FROM (SELECT w.id, row_number() OVER (ORDER BY w.due_at, w.id) - 1 AS at
                             FROM (SELECT id, due_at FROM campaigns_message
                                   WHERE origin = %(origin)s AND state = 'held' AND reason = %(paused)s
                                   ORDER BY due_at LIMIT %(chunk)s FOR UPDATE SKIP LOCKED) AS w) AS g
                       WHERE m.id = g.id""",
                    {
                        "now": at,
                        "done": done,
                        "pace": f"{60 / broadcast.per_minute:.6f} seconds" if broadcast.per_minute else "0 seconds",
                        "origin": broadcast.origin,
                        "paused": PAUSED,
                        "chunk": CHUNK,
                    },
                )
                count = cursor.rowcount
        done += count
        if count < CHUNK:
            return done
