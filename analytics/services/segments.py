"""Segments: saved rules, computed set-based into membership intervals (S1-S3)."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import structlog
from django.db import DatabaseError, connection, transaction
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from analytics import events
from analytics.conditions import CONDITIONS, Sql, clean
from analytics.models import ChangedCustomer, Segment, SegmentKind, SegmentSize, SegmentState
from analytics.rules.trees import WrongTree, check_shape, fold, leaves
from analytics.services import features
from core import clock
from core.actor import Actor
from core.errors import Conflict, Invalid
from core.events import emit_from_select
from core.locks import lock_row
from crm.models import Customer

log = structlog.get_logger("liuke.segments")
PREVIEW_TIMEOUT_MS = 5000
SHAPE_MESSAGES = {
    "not_a_group": _("A rule is a group with an operation and its conditions."),
    "not_a_condition": _("A condition needs its name and its comparison."),
    "unknown_operation": _("Use and, or or not."),
    "not_takes_one": _("“Not” holds exactly one condition or group."),
    "too_deep": _("Groups may be nested eight deep."),
    "too_many": _("A rule may have a hundred conditions."),
}


def clean_rule(rule: Any) -> dict:
    """The rule in canonical form. Raises Invalid whose field is the path of what is wrong, such as rule.children.0.value."""
    try:
        check_shape(rule)
    except WrongTree as error:
        raise Invalid(SHAPE_MESSAGES[error.code], code=error.code, field=error.where) from None
    return _clean_node(rule, "rule")


def _clean_node(node: dict, where: str) -> dict:
    if "condition" not in node:
        return {
            "op": node["op"],
            "children": [_clean_node(child, f"{where}.children.{i}") for i, child in enumerate(node["children"])],
        }
    condition = CONDITIONS.get(node["condition"])
    if condition is None:
        raise Invalid(_("There is no such condition."), code="unknown_condition", field=f"{where}.condition")
    values = {key: value for key, value in node.items() if key not in {"condition", "operator"}}
    cleaned = clean(condition, node["operator"], values, where)
    return {"condition": condition.name, "operator": node["operator"], **cleaned}


def compile_rule(rule: dict, *, scoped: bool = False) -> Sql:
    """A boolean expression over f and c. `scoped` limits facts to the customers of the running computation."""
    scope = f"IN (SELECT customer_id FROM {features.SCOPE})" if scoped else "IS NOT NULL"

    def leaf(node: dict) -> Sql:
        condition = CONDITIONS[node["condition"]]
        values = {key: value for key, value in node.items() if key not in {"condition", "operator"}}
        sql = condition.sql(node["operator"], values)
        return Sql(sql.text.replace("{scope}", scope), sql.params)

    def combine(op: str, parts: list[Sql]) -> Sql:
        if op == "not":
            return Sql(f"(NOT {parts[0].text})", parts[0].params)
        if not parts:
            return Sql("true" if op == "and" else "false")
        return Sql(
            f"({(' AND ' if op == 'and' else ' OR ').join(part.text for part in parts)})",
            tuple(param for part in parts for param in part.params),
        )

    return fold(rule, leaf, combine)


def is_time_based(rule: dict) -> bool:
    return any(CONDITIONS[leaf["condition"]].time_based for _path, leaf in leaves(rule))


def create_segment(*, name: str, rule: Any, actor: Actor, description: str = "", created_by=None) -> Segment:
    """Save a new segment. It is computed by a worker at once; until then its size is unknown, not 0."""
    cleaned = clean_rule(rule)
    _check_name(name, None)
    return Segment.objects.create(
        name=name.strip(), description=description.strip()[:400], rule=cleaned, created_by=created_by
    )


def update_segment(*, segment: Segment, name: str, rule: Any, actor: Actor, description: str = "") -> Segment:
    """Change a segment; a changed rule is a new version, computed against the members of the old one."""
    cleaned = clean_rule(rule)
    _check_name(name, segment.pk)
    with transaction.atomic():
        locked = lock_row(Segment.objects.filter(pk=segment.pk))
        locked.name, locked.description = name.strip(), description.strip()[:400]
        if locked.rule != cleaned:
            locked.rule = cleaned
            locked.version += 1
        locked.updated_at = Now()  # type: ignore[assignment]
        locked.save()
        locked.refresh_from_db()
    return locked


def archive_segment(*, segment: Segment, actor: Actor) -> Segment:
    """Stop computing it; its members leave now."""
    with transaction.atomic():
        locked = lock_row(Segment.objects.filter(pk=segment.pk))
        locked.state = SegmentState.ARCHIVED
        locked.size = 0
        locked.save(update_fields=["state", "size"])
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE analytics_segmentmembership SET left_at = now() WHERE segment_id = %s AND left_at IS NULL",
                [locked.pk],
            )
    return locked


def count_rule(rule: Any) -> int:
    """How many customers a rule would hold now. Raises Conflict `too_slow` after five seconds."""
    sql = compile_rule(clean_rule(rule))
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"SET LOCAL statement_timeout = {PREVIEW_TIMEOUT_MS}")
            cursor.execute(f"SELECT count(*) FROM {_people(sql.text)} WHERE {sql.text}", sql.params)
            return cursor.fetchone()[0]
    except DatabaseError as error:
        if getattr(getattr(error.__cause__, "diag", None), "sqlstate", "") == "57014":
            raise Conflict(_("This rule takes too long to count."), code="too_slow") from None
        raise


def matching_customers(*, rule: dict, customer_ids: Sequence[int]) -> set[int]:
    """Those of these customers whom a saved rule holds now."""
    sql = compile_rule(rule)
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT f.customer_id FROM {_people(sql.text)} WHERE f.customer_id = ANY(%s) AND {sql.text}",
            [list(customer_ids), *sql.params],
        )
        return {row[0] for row in cursor.fetchall()}


def sample_rule(rule: Any, limit: int = 10) -> list[int]:
    """Some customers that a rule holds, newest first, as ids."""
    sql = compile_rule(clean_rule(rule))
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL statement_timeout = {PREVIEW_TIMEOUT_MS}")
        cursor.execute(
            f"SELECT f.customer_id FROM {_people(sql.text)} WHERE {sql.text} ORDER BY f.customer_id DESC LIMIT %s",
            [*sql.params, limit],
        )
        return [row[0] for row in cursor.fetchall()]


@dataclass(frozen=True)
class LeafReason:
    """One condition as it stands for one customer."""

    path: str
    leaf: dict
    held: bool
    value: Any


@dataclass(frozen=True)
class Reason:
    held: bool
    leaves: list[LeafReason]


def explain_rule(rule: dict, customer: Customer) -> Reason:
    """Why a customer is in or out (S3): each condition, its value, whether it holds."""
    parts = list(leaves(rule))
    compiled = [(path, leaf, compile_rule(leaf)) for path, leaf in parts]
    whole = compile_rule(rule)
    columns = [f"({whole.text})"]
    params: list[Any] = list(whole.params)
    for _path, leaf, sql in compiled:
        columns += [f"({sql.text})", f"({CONDITIONS[leaf['condition']].value})::text"]
        params += sql.params
    with connection.cursor() as cursor:
        selected = ", ".join(columns)
        cursor.execute(f"SELECT {selected} FROM {_people(selected)} WHERE f.customer_id = %s", [*params, customer.pk])
        row = cursor.fetchone()
    if row is None:
        return Reason(False, [LeafReason(path, leaf, False, None) for path, leaf in parts])
    return Reason(
        bool(row[0]),
        [
            LeafReason(path, leaf, bool(row[1 + 2 * index]), row[2 + 2 * index])
            for index, (path, leaf, _sql) in enumerate(compiled)
        ],
    )


def _people(condition: str) -> str:
    """The feature rows, which only active customers have; joined with the customers when a condition reads `c`."""
    join = " JOIN crm_customer c ON c.id = f.customer_id" if re.search(r"\bc\.", condition) else ""
    return f"analytics_customerfeature f{join}"


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
            segments = list(Segment.objects.active().filter(kind=SegmentKind.RULE))
            _diff([segment for segment in segments if segment.computed_version == segment.version], scoped=True)
            features.note("incremental", count, time.monotonic() - started)
    except DatabaseError as error:
        features.note("incremental", 0, time.monotonic() - started, error=str(error)[:1000])
        # One failing rule must not stop the figures: each segment is tried on its own and keeps its own error.
        return _refresh_without_segments(limit)
    return count


def _refresh_without_segments(limit: int) -> int:
    with transaction.atomic():
        if not features.try_lock():
            return 0
        count = features.claim_changed(limit)
        features.compute_features(as_of=clock.now(), scoped=True)
    compute_segments()
    return count


def due_segments() -> list[int]:
    """Rules about time passing, those that failed, and those whose newest version was never computed."""
    return [
        segment.pk
        for segment in Segment.objects.active().filter(kind=SegmentKind.RULE)
        if segment.error or segment.computed_version != segment.version or is_time_based(segment.rule)
    ]


def compute_segments(segment_ids: Sequence[int] | None = None) -> list[int]:
    """Compute whole segments, all in one pass; when that fails one by one, so that the failing one is known.

    Returns the ids of those that failed; each keeps its error, and is tried again with the next run (S1).
    """
    segments = Segment.objects.active().filter(kind=SegmentKind.RULE)
    if segment_ids is not None:
        segments = segments.filter(pk__in=segment_ids)
    rows = list(segments)
    if not rows:
        return []
    try:
        _compute_whole(rows)
        return []
    except (DatabaseError, Invalid, KeyError) as error:
        log.warning("segments_failed_together", error=str(error)[:300])
    failed = []
    for segment in rows:
        try:
            _compute_whole([segment])
        except (DatabaseError, Invalid, KeyError) as error:
            failed.append(segment.pk)
            Segment.objects.filter(pk=segment.pk).update(error=str(error)[:1000])
            log.error("segment_failed", segment=segment.pk, error=str(error)[:300])
    return failed


def _compute_whole(segments: list[Segment]) -> None:
    with transaction.atomic():
        # Serialised with the incremental refresh, which diffs against the same intervals (F18).
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended('analytics.refresh', 0))")
        _diff(segments, scoped=False)
        for segment in segments:
            Segment.objects.filter(pk=segment.pk).update(computed_at=Now(), computed_version=segment.version, error="")


def _diff(segments: list[Segment], *, scoped: bool) -> None:
    """One scan decides all segments; what differs from the open intervals enters or leaves, each with its event."""
    if not segments:
        return
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
                SELECT given.segment_id, f.customer_id FROM {_people(decided)}
                CROSS JOIN LATERAL (VALUES {decided}) AS given(segment_id, held)
                WHERE given.held {scope}""",
            params,
        )
        cursor.execute("ANALYZE analytics_matched")
        cursor.execute(
            "CREATE TEMP TABLE analytics_moved (segment_id bigint, customer_id bigint, entered bool) ON COMMIT DROP"
        )
        open_scope = f"AND m.customer_id IN (SELECT customer_id FROM {features.SCOPE})" if scoped else ""
        cursor.execute(
            f"""WITH gone AS (
                    UPDATE analytics_segmentmembership m SET left_at = now()
                    WHERE m.segment_id = ANY(%s) AND m.left_at IS NULL {open_scope}
                      AND NOT EXISTS (SELECT FROM analytics_matched x
                                      WHERE x.segment_id = m.segment_id AND x.customer_id = m.customer_id)
                    RETURNING m.segment_id, m.customer_id)
                INSERT INTO analytics_moved SELECT segment_id, customer_id, false FROM gone""",
            [ids],
        )
        cursor.execute(
            """WITH come AS (
                   INSERT INTO analytics_segmentmembership (segment_id, customer_id, entered_at)
                   SELECT x.segment_id, x.customer_id, now() FROM analytics_matched x
                   WHERE NOT EXISTS (SELECT FROM analytics_segmentmembership m
                                     WHERE m.segment_id = x.segment_id AND m.customer_id = x.customer_id
                                           AND m.left_at IS NULL)
                   RETURNING segment_id, customer_id)
               INSERT INTO analytics_moved SELECT segment_id, customer_id, true FROM come"""
        )
        for event, entered in ((events.SEGMENT_LEFT, False), (events.SEGMENT_ENTERED, True)):
            emit_from_select(
                event,
                """SELECT moved.customer_id, jsonb_build_object('segment', s.id, 'name', s.name, 'version', s.version), now()
                   FROM analytics_moved moved JOIN analytics_segment s ON s.id = moved.segment_id WHERE moved.entered = %s""",
                [entered],
            )
        cursor.execute(
            """UPDATE analytics_segment s SET size = s.size + delta.change
               FROM (SELECT segment_id, sum(CASE WHEN entered THEN 1 ELSE -1 END) AS change FROM analytics_moved
                     GROUP BY segment_id) AS delta
               WHERE s.id = delta.segment_id RETURNING s.id, s.size"""
        )
        sizes = cursor.fetchall()
        SegmentSize.objects.bulk_create(SegmentSize(segment_id=pk, size=size) for pk, size in sizes)
        cursor.execute("DROP TABLE analytics_matched, analytics_moved")


def _check_name(name: str, own: int | None) -> None:
    clean_name = name.strip()
    if not clean_name or len(clean_name) > 120:
        raise Invalid(_("A name has 1 to 120 characters."), code="invalid", field="name")
    if Segment.objects.filter(name=clean_name).exclude(pk=own).exists():
        raise Invalid(_("Another segment has this name."), code="name_taken", field="name")
