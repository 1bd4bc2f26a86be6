"""Computing segments: one scan decides many, what differs from the open intervals enters or leaves (S1, S2)."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import structlog
from django.db import connection, transaction

from analytics import events
from analytics.models import ChangedCustomer, Segment, SegmentKind
from analytics.rules.dependencies import layers, with_dependents
from analytics.services import features
from analytics.services.people import CHANGED, CHANGED_TABLE, INSIDE_TABLE, People, Share, shards, shares
from analytics.services.segment_rules import compile_rule, feature_rows, is_time_based, used_segments
from core import clock
from core.events import emit_from_select
from core.locks import require_transaction
from core.shards import run_shards
from core.table_statistics import analyze_after
from core.zones import shop_day

log = structlog.get_logger("liuke.segments")


class Moved(NamedTuple):
    """How many of a segment: `found` inside by its first computation, entered and left since."""

    found: int = 0
    entered: int = 0
    left: int = 0


Moves = dict[int, Moved]


def lock_intervals() -> datetime:
    """Whoever changes intervals does so alone. Returns the time to write: later than that of everyone before (F18)."""
    require_transaction()
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended('analytics.refresh', 0))")
    return clock.now()


def refresh_changed(*, limit: int = 50_000) -> int:
    """Carry changed customers into features, scores, stages and segments: in one transaction, or at most `limit` by each
    of several at once. Returns how many.

    When anything fails nothing is written and the customers stay marked; the error is kept where staff see it.
    """
    started = time.monotonic()
    if not ChangedCustomer.objects.exists():
        return 0
    try:
        count = _refresh(limit, with_segments=True, started=started)
    except Exception as error:
        features.note("incremental", 0, time.monotonic() - started, error=str(error)[:1000])
        log.warning("refresh_failed", error=str(error)[:300])
        # One failing rule must not stop the figures: each segment is tried on its own and keeps its own error.
        count = _refresh(limit, with_segments=False, started=started)
        if count:
            compute_segments()
    return count


def _refresh(limit: int, *, with_segments: bool, started: float) -> int:
    with transaction.atomic():
        if not features.try_lock():
            return 0
        as_of = clock.now()

        def carry(share: Share) -> tuple[int, Moves]:
            count = features.claim_changed(limit, share)
            features.refresh_claimed(as_of=as_of)
            moves = [_close_lists(as_of)]
            if with_segments:
                # One that failed, or was never computed since its rule changed, is computed whole by the next run.
                current = [row for row in _by_rule() if row.computed_version == row.version and not row.error]
                moves.append(_diff(current, at=as_of, people=CHANGED))
            return count, _added(moves)

        done = run_shards(shares(), carry)
        count = sum(part for part, _moves in done)
        _note_sizes(_added([moves for _count, moves in done]), as_of)
        analyze_after(count, "analytics_customerfeature")
        if with_segments:
            features.note("incremental", count, time.monotonic() - started)
    return count


def due_segments() -> list[int]:
    """Rules about time passing, those that failed, and those whose newest version was never computed."""
    return [
        segment.pk
        for segment in _by_rule()
        if segment.error or segment.computed_version != segment.version or _moves_by_itself(segment)
    ]


def _moves_by_itself(segment: Segment) -> bool:
    try:
        return is_time_based(segment.rule)
    except KeyError:  # a condition that is gone: computing it says so
        return True


def compute_segments(segment_ids: Sequence[int] | None = None) -> list[int]:
    """Compute whole segments, and those that are made of them, all in one transaction; when that fails one by one, so
    that the failing one is known.

    Returns the ids of those that failed; each keeps its error, and is tried again with the next run (S1).
    """
    rows = _by_rule()
    if segment_ids is not None:
        wanted = with_dependents({row.pk: used_segments(row.rule) for row in rows}, segment_ids)
        rows = [row for row in rows if row.pk in wanted]
    if not rows:
        return []
    try:
        _compute_whole({row.pk for row in rows})
        return []
    except Exception as error:
        log.warning("segments_failed_together", error=str(error)[:300])
    failed = []
    for segment in (row for layer in _in_order(rows) for row in layer):
        try:
            _compute_whole({segment.pk})
        except Exception as error:
            failed.append(segment.pk)
            Segment.objects.filter(pk=segment.pk).update(error=(str(error) or type(error).__name__)[:1000])
            log.error("segment_failed", segment=segment.pk, error=str(error)[:300])
    return failed


def _by_rule() -> list[Segment]:
    return list(Segment.objects.active().filter(kind=SegmentKind.RULE).order_by("pk"))


def _in_order(segments: Iterable[Segment]) -> list[list[Segment]]:
    """In rounds: what a rule names is computed before it."""
    rows = {row.pk: row for row in segments}
    return [[rows[pk] for pk in layer] for layer in layers({row.pk: used_segments(row.rule) for row in rows.values()})]


def _compute_whole(ids: Collection[int]) -> None:
    with transaction.atomic():
        # Serialised with the incremental refresh, which diffs against the same intervals (F18).
        at = lock_intervals()
        segments = [segment for segment in _by_rule() if segment.pk in ids]
        parts, empty = shards(), _never_filled(segments)
        moves = _added(run_shards(parts, lambda people: _diff(segments, at=at, people=people, empty=empty)))
        known = [segment.pk for segment in segments if segment.pk not in empty]
        _note_sizes(moves, at, recount=known if len(parts) > 1 else [])
        for segment in segments:
            Segment.objects.filter(pk=segment.pk).update(
                computed_at=at, first_computed_at=segment.first_computed_at or at,
                computed_version=segment.version, error="",
            )  # fmt: skip


def _diff(segments: list[Segment], *, at: datetime, people: People, empty: Collection[int] = ()) -> Moves:
    """What differs from the open intervals of these people enters or leaves, each with its event. `empty`: segments that
    have none yet."""
    if people.few:
        _keep_inside()
    moves = []
    for layer in _in_order(segments):
        moves.append(_fill([segment for segment in layer if segment.pk in empty], at=at, people=people))
        moves.append(_move_differences([segment for segment in layer if segment.pk not in empty], at=at, people=people))
    return _added(moves)


def _added(parts: Iterable[Moves]) -> Moves:
    total: Moves = {}
    for part in parts:
        for segment, moved in part.items():
            total[segment] = Moved(*map(sum, zip(total.get(segment, Moved()), moved, strict=True)))
    return total


def _never_filled(segments: list[Segment]) -> set[int]:
    """Those that have no intervals: a shard that was done before the others were lost has left its own."""
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT given.pk FROM unnest(%s::bigint[]) AS given(pk) WHERE NOT EXISTS (
                   SELECT FROM analytics_segmentmembership m WHERE m.segment_id = given.pk)""",
            [[segment.pk for segment in segments if segment.first_computed_at is None]],
        )
        return {row[0] for row in cursor.fetchall()}


def _decided(segments: list[Segment], people: People) -> tuple[str, list[Any]]:
    """One scan that yields customer_id and `inside`: which of these segments hold each, in the order of their ids."""
    rules = [compile_rule(segment.rule, people=people) for segment in segments]
    held = ", ".join(
        f"CASE WHEN {sql.text} THEN {segment.pk}::bigint END" for segment, sql in zip(segments, rules, strict=True)
    )
    select = f"""SELECT f.customer_id, array_remove(ARRAY[{held}], NULL) AS inside
                 FROM {feature_rows(held)} WHERE f.customer_id {people.test}"""
    return select, [param for sql in rules for param in sql.params]


def _fill(segments: list[Segment], *, at: datetime, people: People) -> Moves:
    """The first computation: whoever the rule holds is in, and nobody has entered (docs/adr/0008)."""
    if not segments:
        return {}
    select, params = _decided(segments, people)
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL work_mem = '256MB'")
        cursor.execute(
            f"""WITH filled AS (
                    INSERT INTO analytics_segmentmembership (segment_id, customer_id, entered_at)
                    SELECT unnest(decided.inside), decided.customer_id, %s FROM ({select} OFFSET 0) AS decided
                    RETURNING segment_id)
                SELECT segment_id, count(*) FROM filled GROUP BY segment_id""",
            [at, *params],
        )
        return {segment: Moved(found=count) for segment, count in cursor.fetchall()}


def _move_differences(segments: list[Segment], *, at: datetime, people: People) -> Moves:
    if not segments:
        return {}
    ids = sorted(segment.pk for segment in segments)
    select, params = _decided(segments, people)
    _make_moves()
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL work_mem = '256MB'")
        cursor.execute(
            f"""INSERT INTO analytics_moved (segment_id, customer_id, entered)
                SELECT move.segment_id, customer_id, move.entered
                FROM ({select} OFFSET 0) AS decided
                FULL JOIN ({people.held}) AS held USING (customer_id)
                CROSS JOIN LATERAL (
                    SELECT come, true FROM unnest(decided.inside) AS come WHERE come <> ALL(coalesce(held.inside, '{{}}'))
                    UNION ALL
                    SELECT gone, false FROM unnest(held.inside) AS gone WHERE gone <> ALL(coalesce(decided.inside, '{{}}'))
                ) AS move(segment_id, entered)
                WHERE decided.inside IS DISTINCT FROM held.inside
                ORDER BY customer_id""",
            [*params, ids],
        )
        cursor.execute("ANALYZE analytics_moved")
        cursor.execute(
            """INSERT INTO analytics_segmentmembership (segment_id, customer_id, entered_at)
               SELECT segment_id, customer_id, %s FROM analytics_moved WHERE entered""",
            [at],
        )
        cursor.execute(
            """UPDATE analytics_segmentmembership m SET left_at = %s FROM analytics_moved moved
               WHERE NOT moved.entered AND m.customer_id = moved.customer_id AND m.segment_id = moved.segment_id
                     AND m.left_at IS NULL""",
            [at],
        )
        if people.few:
            cursor.execute(
                f"""UPDATE {INSIDE_TABLE} AS kept SET inside = ARRAY(
                        SELECT one FROM unnest(kept.inside || moved.come) AS one
                        WHERE one <> ALL(coalesce(moved.gone, '{{}}')) ORDER BY one)
                    FROM (SELECT customer_id, array_agg(segment_id) FILTER (WHERE entered) AS come,
                                 array_agg(segment_id) FILTER (WHERE NOT entered) AS gone
                          FROM analytics_moved GROUP BY customer_id) AS moved
                    WHERE kept.customer_id = moved.customer_id"""
            )
    return _tell_moves(at)


def _keep_inside() -> None:
    """What each of those who changed is in."""
    with connection.cursor() as cursor:
        cursor.execute(f"DROP TABLE IF EXISTS {INSIDE_TABLE}")
        cursor.execute(
            f"""CREATE TEMP TABLE {INSIDE_TABLE} ON COMMIT DROP AS
                SELECT changed.customer_id, ARRAY(SELECT o.segment_id FROM analytics_segmentmembership o
                    WHERE o.customer_id = changed.customer_id AND o.left_at IS NULL ORDER BY o.segment_id) AS inside
                FROM {CHANGED_TABLE} AS changed"""
        )
        cursor.execute(f"ANALYZE {INSIDE_TABLE}")


def _make_moves() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE TEMP TABLE analytics_moved (segment_id bigint, customer_id bigint, entered bool) ON COMMIT DROP"
        )


def move(statement: str, params: list, *, at: datetime) -> int:
    """Carry out a change of intervals that returns (segment_id, customer_id, entered). Returns how many moved.

    The caller holds `lock_intervals`.
    """
    _make_moves()
    with connection.cursor() as cursor:
        cursor.execute(f"WITH moved AS ({statement}) INSERT INTO analytics_moved SELECT * FROM moved", params)
        count = cursor.rowcount
    _note_sizes(_tell_moves(at), at)
    return count


def _tell_moves(at: datetime) -> Moves:
    """An event for each who entered or left (S2), but not of those whom a first computation finds inside."""
    with connection.cursor() as cursor:
        for event, entered in ((events.SEGMENT_LEFT, False), (events.SEGMENT_ENTERED, True)):
            emit_from_select(
                event,
                """SELECT moved.customer_id, s.payload, %s::timestamptz
                   FROM analytics_moved moved
                   JOIN (SELECT id, jsonb_build_object('segment', id, 'name', name, 'version', version) AS payload
                         FROM analytics_segment WHERE first_computed_at IS NOT NULL OFFSET 0) AS s ON s.id = moved.segment_id
                   WHERE moved.entered = %s""",
                [at, entered],
            )
        cursor.execute(
            """SELECT s.id, count(*) FILTER (WHERE moved.entered AND s.first_computed_at IS NULL),
                      count(*) FILTER (WHERE moved.entered AND s.first_computed_at IS NOT NULL),
                      count(*) FILTER (WHERE NOT moved.entered)
               FROM analytics_moved moved JOIN analytics_segment s ON s.id = moved.segment_id GROUP BY s.id"""
        )
        moves = {segment: Moved(*counts) for segment, *counts in cursor.fetchall()}
        cursor.execute("DROP TABLE analytics_moved")
    return moves


def _note_sizes(moves: Moves, at: datetime, *, recount: Sequence[int] = ()) -> None:
    """The new sizes, and what the day brought. `recount`: segments whose members are counted, because the moves of a
    computation that was lost half-way are not among these."""
    analyze_after(sum(map(sum, moves.values())), "analytics_segmentmembership")
    with connection.cursor() as cursor:
        cursor.execute(
            """WITH delta AS (
                   SELECT * FROM unnest(%(segments)s::bigint[], %(found)s::bigint[], %(entered)s::bigint[], %(left)s::bigint[])
                                 AS given(segment_id, found, entered, gone)),
               counted AS (
                   SELECT segment_id, count(*) AS size FROM analytics_segmentmembership
                   WHERE segment_id = ANY(%(recount)s) AND left_at IS NULL GROUP BY segment_id),
               sized AS (
                   UPDATE analytics_segment s SET size = CASE WHEN s.id = ANY(%(recount)s)
                       THEN coalesce((SELECT counted.size FROM counted WHERE counted.segment_id = s.id), 0)
                       ELSE s.size + delta.found + delta.entered - delta.gone END
                   FROM delta WHERE s.id = delta.segment_id RETURNING s.id, s.size)
               INSERT INTO analytics_segmentday AS kept (segment_id, day, size, entered_count, left_count)
               SELECT sized.id, %(day)s, sized.size, delta.entered, delta.gone
               FROM sized JOIN delta ON delta.segment_id = sized.id
               ON CONFLICT (segment_id, day) DO UPDATE SET size = excluded.size,
                   entered_count = kept.entered_count + excluded.entered_count,
                   left_count = kept.left_count + excluded.left_count""",
            {
                "segments": list(moves),
                "found": [moved.found for moved in moves.values()],
                "entered": [moved.entered for moved in moves.values()],
                "left": [moved.left for moved in moves.values()],
                "recount": list(recount),
                "day": shop_day(at),
            },
        )


def _close_lists(at: datetime) -> Moves:
    """Who of the changed is no customer any more leaves the fixed lists; rules let them go by themselves."""
    _make_moves()
    with connection.cursor() as cursor:
        cursor.execute(
            f"""WITH gone AS (
                    UPDATE analytics_segmentmembership m SET left_at = %s FROM analytics_segment s
                    WHERE s.id = m.segment_id AND s.kind = 'static' AND m.left_at IS NULL
                      AND m.customer_id IN (SELECT customer_id FROM {CHANGED_TABLE})
                      AND NOT EXISTS (SELECT FROM analytics_customerfeature f WHERE f.customer_id = m.customer_id)
                    RETURNING m.segment_id, m.customer_id)
                INSERT INTO analytics_moved SELECT segment_id, customer_id, false FROM gone""",
            [at],
        )
    return _tell_moves(at)


__all__ = ["compute_segments", "due_segments", "lock_intervals", "move", "refresh_changed"]
