"""Live figures of a rule: the count, the reach by channel, a sample, and the reason why a customer is in or out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import DatabaseError, connection, transaction
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from analytics.conditions.registry import CONDITIONS
from analytics.conditions.rules.trees import Leaf, Node, leaves
from analytics.conditions.services.compilation import clean_rule, compile_rule, feature_rows
from analytics.features.registry import REACH
from analytics.segments.models import Segment
from core.base.errors import Conflict
from core.db.slow_results import cached_when_slow
from crm.customers.models import Customer

PREVIEW_TIMEOUT_MS = 5000
SLOW_SECONDS = 0.2
KEPT_SECONDS = 600
# Compiling a plan that runs once would take a fifth of the time limit.
_QUICKLY = f"SET LOCAL statement_timeout = {PREVIEW_TIMEOUT_MS}; SET LOCAL jit = off; SET LOCAL work_mem = '128MB'"
_REACHED = "count(*) FILTER (WHERE %s = ANY(f.reachable))"
# A join, because parallel processes share its hash table.
_OTHER = " LEFT JOIN analytics_customersegments o ON o.customer_id = f.customer_id AND %s = ANY(o.inside)"
Reached = list[tuple[str | Promise, int]]


@dataclass(frozen=True)
class SegmentFigures:
    """Figures of a rule. `reach`: label and number of customers that a marketing message can reach by that channel.

    `overlap`: the number of them that are members of the given segment; None without a segment. `sample`: as many ids
    as requested, from the newer customers and newest first.
    """

    count: int
    reach: Reached
    overlap: int | None
    sample: list[int]


def figures_of(rule: Any, *, overlap: int | None = None, sample: int = 0) -> SegmentFigures:
    """Return the live figures of a rule in one pass over the feature rows.

    Raises Conflict `too_slow` after five seconds.
    """
    sql = compile_rule(clean_rule(rule))
    rows = feature_rows(sql.text)
    other, other_params = ("", []) if overlap is None else (_OTHER, [overlap])
    shared = "count(o.customer_id)" if other else "NULL::bigint"
    ways = REACH.names()
    figures = ["count(*)", shared, *[_REACHED] * len(ways), *(_newest(place, sample) for place in range(sample))]
    statement = f"SELECT {', '.join(figures)} FROM {rows}{other} WHERE {sql.text}"  # noqa: S608 - compiled conditions; values are parameters
    count, both, *rest = run_quickly(statement, [*ways, *other_params, *sql.params])[0]
    some = sorted((pk for pk in rest[len(ways) :] if pk is not None), reverse=True)
    if len(some) < min(sample, count):
        newest = f"SELECT f.customer_id FROM {rows} WHERE {sql.text} ORDER BY f.customer_id DESC LIMIT %s"  # noqa: S608 - compiled conditions; values are parameters
        some = [pk for (pk,) in run_quickly(newest, [*sql.params, sample])]
    return SegmentFigures(count, _by_label(rest[: len(ways)]), both, some)


def _newest(place: int, sample: int) -> str:
    """Return SQL for the newest of every nth customer.

    A rule's conditions on facts cost more than the rows, so the sample comes from the same pass as the count.
    """
    return f"max(f.customer_id) FILTER (WHERE f.customer_id %% {sample} = {place})"


def reach_of_members(segment: Segment) -> Reached:
    """Count the members that a marketing message can reach by each channel; slow counts are kept for ten minutes.

    Raises Conflict `too_slow` after five seconds.
    """
    mark = segment.computed_at.isoformat() if segment.computed_at else ""
    counts = cached_when_slow(
        f"analytics.segment_reach:{segment.pk}:{mark}",
        lambda: _count_reached(segment),
        slow=SLOW_SECONDS,
        seconds=KEPT_SECONDS,
    )
    return _by_label(counts)


def _count_reached(segment: Segment) -> tuple[Any, ...]:
    figures = ", ".join([_REACHED] * len(REACH))
    statement = f"""
        SELECT {figures} FROM analytics_customersegments k JOIN analytics_customerfeature f USING (customer_id)
        WHERE %s = ANY(k.inside)"""  # noqa: S608 - compiled conditions; values are parameters
    return run_quickly(statement, [*REACH.names(), segment.pk])[0]


def run_quickly(statement: str, params: list[Any]) -> list[tuple[Any, ...]]:
    """Return the rows of a statement within five seconds, with one process per processor.

    Each process hashes the facts for itself. Raises Conflict `too_slow`.
    """
    processes = f"; SET LOCAL max_parallel_workers_per_gather = {max(settings.COMPUTE_SHARDS - 1, 0)}"
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(_QUICKLY + processes)
            cursor.execute(statement, params)
            return cursor.fetchall()
    except DatabaseError as error:
        if getattr(getattr(error.__cause__, "diag", None), "sqlstate", "") == "57014":
            raise Conflict(_("Counting these customers takes too long."), code="too_slow") from None
        raise


def _by_label(counts: Sequence[int]) -> Reached:
    return [(way.label, count) for way, count in zip(REACH, counts, strict=True)]


def count_rule(rule: Any) -> int:
    """Return how many customers a rule matches now. Raises Conflict `too_slow` after five seconds."""
    return figures_of(rule).count


def matching_customers(*, rule: Node, customer_ids: Sequence[int]) -> set[int]:
    """Return which of these customers a saved rule matches now."""
    sql = compile_rule(rule)
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT f.customer_id FROM {feature_rows(sql.text)} WHERE f.customer_id = ANY(%s) AND {sql.text}",  # noqa: S608 - compiled conditions; values are parameters
            [list(customer_ids), *sql.params],
        )
        return {row[0] for row in cursor.fetchall()}


@dataclass(frozen=True)
class LeafReason:
    """One condition with its result for one customer."""

    path: str
    leaf: Leaf
    held: bool
    value: Any


@dataclass(frozen=True)
class RuleReason:
    """The result of a rule for one customer: whether it holds, and the part of each condition."""

    held: bool
    leaves: list[LeafReason]


def explain_rule(rule: Node, customer: Customer) -> RuleReason:
    """Return why a customer is in or out (S3): each condition, its value, whether it holds."""
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
        cursor.execute(
            f"SELECT {selected} FROM {feature_rows(selected)} WHERE f.customer_id = %s",  # noqa: S608 - compiled conditions; values are parameters
            [*params, customer.pk],
        )
        row = cursor.fetchone()
    if row is None:
        return RuleReason(False, [LeafReason(path, leaf, False, None) for path, leaf in parts])
    return RuleReason(
        bool(row[0]),
        [
            LeafReason(path, leaf, bool(row[1 + 2 * index]), row[2 + 2 * index])
            for index, (path, leaf, _sql) in enumerate(compiled)
        ],
    )
