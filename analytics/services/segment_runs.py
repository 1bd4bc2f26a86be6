"""Computing segments: one scan decides many, what differs from the open intervals enters or leaves (S1, S2)."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import structlog
from django.db import connection, transaction

from analytics import events
from analytics.models import ChangedCustomer, Segment, SegmentKind
from analytics.rules.dependencies import layers, with_dependents
from analytics.services import features
from analytics.services.segment_rules import compile_rule, is_time_based, people, used_segments
from core import clock
from core.events import emit_from_select
from core.locks import require_transaction
from core.zones import shop_day

log = structlog.get_logger("liuke.segments")


def lock_intervals() -> datetime:
    """Whoever changes intervals does so alone. Returns the time to write: later than that of everyone before (F18)."""
    require_transaction()
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended('analytics.refresh', 0))")
    return clock.now()


def refresh_changed(*, limit: int = 50_000) -> int:
    """Carry changed customers into features, scores, stages and segments, in one transaction. Returns how many.

    When anything fails nothing is written and the customers stay marked; the error is kept where staff see it.
    """
    started = time.monotonic()
    if not ChangedCustomer.objects.exists():
        return 0
    try:
        with transaction.atomic():
            if not features.try_lock():
                return 0
            as_of = clock.now()
            count = features.claim_changed(limit)
            features.compute_features(as_of=as_of, scoped=True)
            _close_lists(as_of)
            # One that failed, or was never computed since its rule changed, is computed whole by the next run.
            current = [row for row in _by_rule() if row.computed_version == row.version and not row.error]
            _diff(current, at=as_of, scoped=True)
            features.note("incremental", count, time.monotonic() - started)
    except Exception as error:
        features.note("incremental", 0, time.monotonic() - started, error=str(error)[:1000])
        log.warning("refresh_failed", error=str(error)[:300])
        # One failing rule must not stop the figures: each segment is tried on its own and keeps its own error.
        return _refresh_without_segments(limit)
    return count


def _refresh_without_segments(limit: int) -> int:
    with transaction.atomic():
        if not features.try_lock():
            return 0
        as_of = clock.now()
        count = features.claim_changed(limit)
        features.compute_features(as_of=as_of, scoped=True)
        _close_lists(as_of)
    compute_segments()
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
        _compute_whole(rows)
        return []
    except Exception as error:
        log.warning("segments_failed_together", error=str(error)[:300])
    failed = []
    for segment in (row for layer in _in_order(rows) for row in layer):
        try:
            _compute_whole([segment])
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


def _compute_whole(segments: list[Segment]) -> None:
    with transaction.atomic():
        # Serialised with the incremental refresh, which diffs against the same intervals (F18).
        at = lock_intervals()
        _diff(segments, at=at, scoped=False)
        for segment in segments:
            Segment.objects.filter(pk=segment.pk).update(computed_at=at, computed_version=segment.version, error="")


def _diff(segments: list[Segment], *, at: datetime, scoped: bool) -> None:
    for layer in _in_order(segments):
        _diff_layer(layer, at=at, scoped=scoped)


def _diff_layer(segments: list[Segment], *, at: datetime, scoped: bool) -> None:
    """One scan decides all segments; what differs from the open intervals enters or leaves, each with its event."""
    values, params = [], []
    for segment in segments:
        sql = compile_rule(segment.rule, scoped=scoped)
        values.append(f"({segment.pk}, {sql.text})")
        params += sql.params
    scope = f"AND f.customer_id IN (SELECT customer_id FROM {features.SCOPE})" if scoped else ""
    decided = ", ".join(values)
    ids = [segment.pk for segment in segments]
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL work_mem = '256MB'")
        cursor.execute(
            f"""CREATE TEMP TABLE analytics_matched ON COMMIT DROP AS
                SELECT given.segment_id, f.customer_id FROM {people(decided)}
                CROSS JOIN LATERAL (VALUES {decided}) AS given(segment_id, held)
                WHERE given.held {scope}""",
            params,
        )
        cursor.execute("ANALYZE analytics_matched")
        _make_moves()
        # What was true of the memberships before this says little of them now (a first filling finds none in the
        # statistics), and row by row the whole table would be read for each.
        cursor.execute("SET LOCAL enable_nestloop = off")
        if scoped:
            cursor.execute(
                f"""CREATE TEMP TABLE analytics_held ON COMMIT DROP AS
                    SELECT m.id, m.segment_id, m.customer_id FROM {features.SCOPE} AS scope
                    CROSS JOIN LATERAL (SELECT h.id, h.segment_id, h.customer_id FROM analytics_segmentmembership h
                                        WHERE h.customer_id = scope.customer_id AND h.left_at IS NULL
                                              AND h.segment_id = ANY(%s) OFFSET 0) AS m""",
                [ids],
            )
            cursor.execute("ANALYZE analytics_held")
            held = "analytics_held"
        else:
            held = "(SELECT * FROM analytics_segmentmembership WHERE left_at IS NULL AND segment_id = ANY(%(ids)s))"
        given: dict[str, Any] = {"ids": ids, "at": at}
        cursor.execute(
            f"""CREATE TEMP TABLE analytics_gone ON COMMIT DROP AS
                SELECT held.id FROM {held} AS held
                WHERE NOT EXISTS (SELECT FROM analytics_matched x
                                  WHERE x.segment_id = held.segment_id AND x.customer_id = held.customer_id)""",
            given,
        )
        cursor.execute(
            f"""WITH come AS (
                    INSERT INTO analytics_segmentmembership (segment_id, customer_id, entered_at)
                    SELECT x.segment_id, x.customer_id, %(at)s FROM analytics_matched x
                    WHERE NOT EXISTS (SELECT FROM {held} AS held
                                      WHERE held.segment_id = x.segment_id AND held.customer_id = x.customer_id)
                    RETURNING segment_id, customer_id)
                INSERT INTO analytics_moved SELECT segment_id, customer_id, true FROM come""",
            given,
        )
        cursor.execute("SET LOCAL enable_nestloop TO DEFAULT")
        cursor.execute("ANALYZE analytics_gone")
        cursor.execute(
            """WITH gone AS (
                   UPDATE analytics_segmentmembership m SET left_at = %(at)s FROM analytics_gone g WHERE m.id = g.id
                   RETURNING m.segment_id, m.customer_id)
               INSERT INTO analytics_moved SELECT segment_id, customer_id, false FROM gone""",
            given,
        )
        cursor.execute(f"DROP TABLE analytics_gone{', analytics_held' if scoped else ''}")
        cursor.execute("DROP TABLE analytics_matched")
    note_moves(at)


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
    note_moves(at)
    return count


def note_moves(at: datetime) -> None:
    """An event for each who entered or left, the new sizes, and what the day brought."""
    with connection.cursor() as cursor:
        for event, entered in ((events.SEGMENT_LEFT, False), (events.SEGMENT_ENTERED, True)):
            emit_from_select(
                event,
                """SELECT moved.customer_id, jsonb_build_object('segment', s.id, 'name', s.name, 'version', s.version),
                          %s::timestamptz
                   FROM analytics_moved moved JOIN analytics_segment s ON s.id = moved.segment_id WHERE moved.entered = %s""",
                [at, entered],
            )
        cursor.execute(
            """WITH delta AS (
                   SELECT segment_id, count(*) FILTER (WHERE entered) AS entered, count(*) FILTER (WHERE NOT entered) AS gone
                   FROM analytics_moved GROUP BY segment_id),
               sized AS (
                   UPDATE analytics_segment s SET size = s.size + delta.entered - delta.gone FROM delta
                   WHERE s.id = delta.segment_id RETURNING s.id, s.size)
               INSERT INTO analytics_segmentday AS kept (segment_id, day, size, entered_count, left_count)
               SELECT sized.id, %s, sized.size, delta.entered, delta.gone
               FROM sized JOIN delta ON delta.segment_id = sized.id
               ON CONFLICT (segment_id, day) DO UPDATE SET size = excluded.size,
                   entered_count = kept.entered_count + excluded.entered_count,
                   left_count = kept.left_count + excluded.left_count""",
            [shop_day(at)],
        )
        cursor.execute("SELECT count(*) FROM analytics_moved")
        if cursor.fetchone()[0] > features.REANALYSE_ABOVE:
            # The next round looks into the table, and would be planned for the few rows that it had before.
            cursor.execute("ANALYZE analytics_segmentmembership")
        cursor.execute("DROP TABLE analytics_moved")


def _close_lists(at: datetime) -> None:
    """Who of the scope is no customer any more leaves the fixed lists; rules let them go by themselves."""
    move(
        f"""UPDATE analytics_segmentmembership m SET left_at = %s FROM analytics_segment s
            WHERE s.id = m.segment_id AND s.kind = 'static' AND m.left_at IS NULL
              AND m.customer_id IN (SELECT customer_id FROM {features.SCOPE})
              AND NOT EXISTS (SELECT FROM analytics_customerfeature f WHERE f.customer_id = m.customer_id)
            RETURNING m.segment_id, m.customer_id, false AS entered""",
        [at],
        at=at,
    )


__all__ = ["compute_segments", "due_segments", "lock_intervals", "move", "refresh_changed"]
