"""Computation of segments: one scan decides many; differences from the stored memberships enter or leave (S1, S2)."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any

import structlog
from django.db import connection, transaction

from analytics.conditions.rules.dependencies import layers as in_layers
from analytics.conditions.rules.dependencies import with_dependents
from analytics.conditions.services.compilation import compile_rule, feature_rows, is_time_based, used_segments
from analytics.features.models import ChangedCustomer
from analytics.features.services import features
from analytics.features.services.people import CHANGED, People, Share, shards, shares
from analytics.segments.models import Segment, SegmentKind
from analytics.segments.services.memberships import (
    Gathering,
    Moves,
    added,
    fill,
    lock_memberships,
    nobody_in,
    note_sizes,
)
from core.base import clock
from core.db.shards import run_shards
from core.db.statistics import analyze_after

log = structlog.get_logger("liuke.segments")


def refresh_changed(*, limit: int = 50_000) -> int:
    """Update features, scores, stages and segments of changed customers. Returns how many.

    It runs in one transaction, or in several at once with at most `limit` customers each.

    When it fails, nothing is written and the customers stay marked; staff can see the stored error.
    """
    started = time.monotonic()
    if not ChangedCustomer.objects.exists():
        return 0
    try:
        count = _refresh(limit, with_segments=True, started=started)
    except Exception as error:
        features.note("incremental", 0, time.monotonic() - started, error=str(error)[:1000])
        log.warning("refresh_failed", error=str(error)[:300])
        # One failing rule must not block the figures: each segment is then computed alone and keeps its own error.
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
            gathering = Gathering(as_of, CHANGED.effect)
            _leave_lists(gathering)
            if with_segments:
                # Segments that failed, or whose new rule was never computed, are computed whole by the next run.
                current = [row for row in _by_rule() if row.computed_version == row.version and not row.error]
                _move_differences(current, gathering, CHANGED)
            return count, gathering.tell()

        done = run_shards(shares(), carry)
        count = sum(part for part, _moves in done)
        note_sizes(added(moves for _count, moves in done), as_of)
        analyze_after(count, "analytics_customerfeature")
        if with_segments:
            features.note("incremental", count, time.monotonic() - started)
    return count


def due_segments() -> list[int]:
    """Return the segments with time-based rules, with errors, and those whose newest version was never computed."""
    return [
        segment.pk
        for segment in _by_rule()
        if segment.error or segment.computed_version != segment.version or _moves_by_itself(segment)
    ]


def _moves_by_itself(segment: Segment) -> bool:
    try:
        return is_time_based(segment.rule)
    except KeyError:  # unknown condition: the computation reports the error
        return True


def compute_segments(segment_ids: Sequence[int] | None = None) -> list[int]:
    """Compute whole segments and the segments that use them, all in one transaction.

    When that fails, compute them one by one to find the failing one.

    Returns the ids of the segments that failed; each keeps its error and is tried again by the next run (S1).
    """
    rows = _by_rule()
    if segment_ids is not None:
        targets = with_dependents({row.pk: used_segments(row.rule) for row in rows}, segment_ids)
        rows = [row for row in rows if row.pk in targets]
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
    """Return the segments in layers: a segment is computed after the segments in its rule."""
    rows = {row.pk: row for row in segments}
    return [
        [rows[pk] for pk in layer] for layer in in_layers({row.pk: used_segments(row.rule) for row in rows.values()})
    ]


def _compute_whole(ids: Collection[int]) -> None:
    with transaction.atomic():
        # Runs never together with the incremental refresh, which compares with the same memberships (F18).
        at = lock_memberships()
        segments = [segment for segment in _by_rule() if segment.pk in ids]
        # A shard that finished before other shards failed has left members behind.
        parts, empty = shards(), nobody_in([segment.pk for segment in segments if segment.first_computed_at is None])
        moves = added(run_shards(parts, lambda people: _compute(segments, at, people, empty)))
        known = [segment.pk for segment in segments if segment.pk not in empty]
        note_sizes(moves, at, filled=empty, recount=known if len(parts) > 1 else [])
        for segment in segments:
            Segment.objects.filter(pk=segment.pk).update(
                computed_at=at, first_computed_at=segment.first_computed_at or at,
                computed_version=segment.version, error="",
            )  # fmt: skip


def _compute(segments: list[Segment], at: datetime, people: People, empty: Collection[int]) -> Moves:
    """Write the differences from the stored members as moves. `empty`: segments without members yet."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL work_mem = '256MB'")
    if all(segment.pk in empty for segment in segments):
        fill(*_membership_scan(segments, people), at=at)
        return {}
    gathering = Gathering(at)
    _move_differences(segments, gathering, people)
    return gathering.tell()


def _membership_scan(segments: Sequence[Segment], people: People) -> tuple[str, list[Any]]:
    """Return one scan that yields customer_id and `inside`: the matching segments of each customer by ascending id.

    A rule that uses other segments reads `k.inside`. It starts with the segments outside of this computation, and each
    layer adds its own matches for the next one.
    """
    outside = {used for segment in segments for used in used_segments(segment.rule)} - {row.pk for row in segments}
    before, params = "'{}'::bigint[]", []
    if outside:
        before = "ARRAY(SELECT one FROM unnest(k.inside) AS one WHERE one = ANY(%s::bigint[]))"
        params.append(sorted(outside))
    known, conditions = f"(SELECT {before} AS inside, '{{}}'::bigint[] AS found)", ""
    layers = _in_order(segments)
    for layer in layers:
        rules = [compile_rule(segment.rule, people=people) for segment in layer]
        held = ", ".join(
            f"CASE WHEN {sql.text} THEN {segment.pk}::bigint END" for segment, sql in zip(layer, rules, strict=True)
        )
        # OFFSET 0: evaluate once, even when the next layer reads it several times.
        known = f"""(SELECT k.inside || own.found AS inside, k.found || own.found AS found
                     FROM {known} AS k
                     CROSS JOIN LATERAL (SELECT array_remove(ARRAY[{held}], NULL) AS found OFFSET 0) AS own
                     OFFSET 0)"""  # noqa: S608 - compiled conditions; values are parameters
        params += [param for sql in rules for param in sql.params]
        conditions += held
    order, found = [segment.pk for layer in layers for segment in layer], "decided.found"
    if order != sorted(order):
        found = "ARRAY(SELECT one FROM unnest(decided.found) AS one ORDER BY one)"
    select = f"""SELECT f.customer_id, {found} AS inside
                 FROM {feature_rows(conditions)} CROSS JOIN LATERAL {known} AS decided
                 WHERE f.customer_id {people.test}"""  # noqa: S608 - compiled conditions; values are parameters
    return select, params


def _move_differences(segments: Sequence[Segment], gathering: Gathering, people: People) -> None:
    if not segments:
        return
    select, params = _membership_scan(segments, people)
    gathering.carry_out(
        f"""SELECT * FROM (
                SELECT customer_id,
                       ARRAY(SELECT one FROM unnest(decided.inside) AS one
                             WHERE one <> ALL(coalesce(held.inside, '{{}}')) ORDER BY one) AS come,
                       ARRAY(SELECT one FROM unnest(held.inside) AS one
                             WHERE one <> ALL(coalesce(decided.inside, '{{}}')) ORDER BY one) AS gone
                FROM ({select} OFFSET 0) AS decided
                FULL JOIN ({people.held}) AS held USING (customer_id)
                WHERE coalesce(decided.inside, '{{}}') <> coalesce(held.inside, '{{}}') OFFSET 0) AS moved
            WHERE come <> '{{}}' OR gone <> '{{}}' ORDER BY customer_id""",  # noqa: S608 - compiled conditions; values are parameters
        [*params, sorted(segment.pk for segment in segments)],
    )


def _leave_lists(gathering: Gathering) -> None:
    """Remove customers that are no longer active from fixed lists. Segments by rule need no such step."""
    lists = list(Segment.objects.filter(kind=SegmentKind.STATIC).values_list("pk", flat=True))
    gathering.carry_out(
        f"""SELECT k.customer_id, '{{}}'::bigint[],
                   ARRAY(SELECT one FROM unnest(k.inside) AS one WHERE one = ANY(%s::bigint[]))
            FROM analytics_customersegments k
            WHERE k.customer_id IN ({CHANGED.gone}) AND k.inside && %s::bigint[] ORDER BY k.customer_id""",  # noqa: S608 - compiled conditions; values are parameters
        [lists, lists],
    )


__all__ = ["compute_segments", "due_segments", "refresh_changed"]
