"""Fifty segments on a simulated shop: refresh after new orders, full computation, live figures of a rule.

BENCH_CUSTOMERS (default 1,000,000) and BENCH_ORDERS (default 50,000) set the size. Floors, in the same run: the RFM
sums of the changed customers directly from the order lines, and one scan of the feature rows.
"""

from __future__ import annotations

import os
import statistics
from typing import Any

from bench import bench_scale
from bench.common import interleaved, report, sql, timed, vacuum

ORDERS = int(os.environ.get("BENCH_ORDERS", "50000"))
SEGMENTS = 50
NAMED = "Bench segment"


def leaf(condition: str, operator: str, **values: Any) -> dict[str, Any]:
    return {"condition": condition, "operator": operator, **values}


def rules() -> list[dict[str, Any]]:
    """Return typical rules of a shop: money, time, stages, scores, purchases, samples."""
    categories = [row[0] for row in sql("SELECT DISTINCT category FROM crm_product WHERE category <> '' LIMIT 5")]
    leaves: list[dict[str, Any]] = []
    for place in range(9):
        leaves.append(leaf("net_spend", "gte", value=20_000 * (place + 1)))
        leaves.append(leaf("last_order", "within", days=15 * (place + 1)))
        leaves.append(leaf("order_count", "between", low=place, high=place + 2))
        leaves.append(
            {
                "op": "and",
                "children": [leaf("spend_365", "gte", value=10_000 * place), leaf("last_order", "before", days=90)],
            }
        )
    leaves += [leaf("stage", "in", values=[stage]) for stage in ("new", "at_risk", "lapsed", "won_back")]
    leaves += [leaf("rfm_m", "gte", value=5), leaf("sample", "has", percent=10, draw="bench")]
    leaves += [leaf("bought_category", "has", values=[name], times=1, days=180) for name in categories[:3]]
    return [{"op": "and", "children": [rule]} for rule in leaves]


def copy_rows(table: str, changes: dict[str, str], rows: str) -> None:
    """Insert copies of the rows of `old`, with new ids and with the expressions of `changes` for their columns."""
    values = {"id": f"nextval(pg_get_serial_sequence('{table}', 'id'))"} | changes
    columns = [
        row[0]
        for row in sql(
            """SELECT column_name FROM information_schema.columns
               WHERE table_name = %s AND is_generated = 'NEVER' ORDER BY ordinal_position""",
            [table],
        )
    ]
    expressions = ", ".join(values.get(name, f"old.{name}") for name in columns)
    sql(f"INSERT INTO {table} ({', '.join(columns)}) SELECT {expressions} FROM {rows}")


def ten_lines_each() -> None:
    """Raise the order lines to the target of ten a customer.

    The simulator makes 7.7; the others are copies of lines.
    """
    ((lines, customers),) = sql("SELECT (SELECT count(*) FROM crm_orderline), (SELECT count(*) FROM crm_customer)")
    missing = 10 * customers - lines
    if missing > 0:
        drawn = f"""(SELECT * FROM crm_orderline line WHERE position < 1000 AND NOT EXISTS (
                        SELECT FROM crm_orderline copy
                        WHERE copy.order_id = line.order_id AND copy.position = line.position + 1000)
                    ORDER BY random() LIMIT {missing}) AS old"""
        copy_rows("crm_orderline", {"position": "old.position + 1000"}, drawn)


def make_segments() -> None:
    from analytics.segments.models import Segment, SegmentDay
    from analytics.segments.services import segments
    from core.base.actor import SYSTEM

    old = Segment.objects.filter(name__startswith=NAMED)
    sql("TRUNCATE analytics_customersegments, analytics_segmentleaving")
    SegmentDay.objects.filter(segment__in=old)._raw_delete("default")
    Segment.objects.filter(name__startswith=NAMED)._raw_delete("default")
    Segment.objects.active().update(state="archived")
    created: list[Segment] = []
    for rule in rules():
        created.append(segments.create_segment(name=f"{NAMED} {len(created)}", rule=rule, actor=SYSTEM))
    while len(created) < SEGMENTS:
        of = [str(created[len(created) - 40].pk), str(created[len(created) - 30].pk)]
        rule = {"op": "and", "children": [leaf("in_segment", "has", values=of), leaf("is_member", "yes")]}
        created.append(segments.create_segment(name=f"{NAMED} {len(created)}", rule=rule, actor=SYSTEM))


def from_nothing() -> None:
    """Measure the first computation of features, RFM, stages and memberships of all customers."""
    from django.db import transaction

    from analytics.features.models import CustomerFeature
    from analytics.features.services import features
    from analytics.segments.models import CustomerSegments, SegmentDay, SegmentLeaving
    from analytics.segments.services import runs as segment_runs

    def forget() -> None:
        with transaction.atomic():
            for model in (CustomerFeature, CustomerSegments, SegmentLeaving, SegmentDay):
                sql(f"TRUNCATE {model._meta.db_table}")
            sql("UPDATE analytics_segment SET size = 0, computed_version = 0, first_computed_at = NULL")

    def floor() -> float:
        return timed(
            lambda: sql(
                """SELECT count(*) FROM (
                       SELECT customer_id, count(*), sum(amount - refunded_amount), max(bought_at), min(bought_at)
                       FROM crm_orderline WHERE customer_id IS NOT NULL GROUP BY customer_id) AS rfm"""
            )
        )

    forget()
    vacuum()
    base = floor()
    figures = timed(features.refresh_everything)
    filled = timed(segment_runs.compute_segments)
    ((members,),) = sql("SELECT sum(cardinality(inside)) FROM analytics_customersegments")
    ((people, lines),) = sql(
        "SELECT (SELECT count(*) FROM analytics_customerfeature), (SELECT count(*) FROM crm_orderline)"
    )
    more = {
        "customers": people,
        "lines": lines,
        "segments": SEGMENTS,
        "members": members,
        "features_s": round(figures, 1),
        "segments_s": round(filled, 1),
    }
    report("segments_from_nothing", figures + filled, "s", base, extra=more)


def new_orders() -> None:
    """Measure one refresh after new orders of the last hour, one each by customers across the shop.

    The first refresh warms up, the second is measured. The orders are deleted afterwards, so that the next run finds
    the shop unchanged.
    """
    _refresh_once()
    seconds, base, more = _refresh_once()
    report("segments_new_orders", seconds, "s", base, extra=more)


def _refresh_once() -> tuple[float, float, dict[str, int]]:
    from analytics.features.models import ChangedCustomer
    from analytics.features.services import features
    from analytics.segments.services import runs as segment_runs

    ChangedCustomer.objects.all()._raw_delete("default")
    moved = "SELECT sum(entered_count), sum(left_count) FROM analytics_segmentday"
    ((entered, left),) = sql(moved)
    ((last_event,),) = sql("SELECT coalesce(max(id), 0) FROM core_domainevent")
    sql("DROP TABLE IF EXISTS bench_bought")
    sql(
        """CREATE TEMP TABLE bench_bought AS
           SELECT id AS old, nextval(pg_get_serial_sequence('crm_order', 'id')) AS new, customer_id
           FROM (SELECT DISTINCT ON (customer_id) id, customer_id FROM crm_order TABLESAMPLE BERNOULLI (3)
                 WHERE state = 'paid' AND customer_id IS NOT NULL) AS drawn LIMIT %s""",
        [ORDERS],
    )
    now = dict.fromkeys(("placed_at", "paid_at", "bought_at"), "now() - interval '1 hour'")
    numbered = {"id": "b.new", "number": "'bench-' || b.new", "external_id": "'bench-' || b.new"}
    copy_rows("crm_order", numbered | now, "bench_bought b JOIN crm_order old ON old.id = b.old")
    copy_rows(
        "crm_orderline", {"order_id": "b.new"} | now, "bench_bought b JOIN crm_orderline old ON old.order_id = b.old"
    )
    vacuum()
    changed = features.mark_changed_by_query("SELECT customer_id FROM bench_bought", [])
    base = timed(
        lambda: sql(
            """SELECT count(*) FROM (
                   SELECT l.customer_id, count(*), sum(l.amount - l.refunded_amount), max(l.bought_at), min(l.bought_at)
                   FROM crm_orderline l WHERE l.customer_id IN (SELECT customer_id FROM analytics_changedcustomer)
                   GROUP BY l.customer_id) AS rfm"""
        )
    )
    refreshed: list[int] = []
    seconds = timed(lambda: refreshed.append(segment_runs.refresh_changed(limit=max(ORDERS, 50_000))))
    ((entered_since, left_since),) = sql(moved)
    if refreshed != [changed]:
        raise RuntimeError(f"{refreshed} of {changed} changed customers were refreshed")
    more = {
        "orders": ORDERS, "customers_changed": changed, "entered": int(entered_since - entered),
        "left": int(left_since - left), "segments": SEGMENTS,
    }  # fmt: skip
    sql("DELETE FROM core_domainevent WHERE id > %s", [last_event])
    sql("DELETE FROM crm_orderline USING bench_bought b WHERE order_id = b.new")
    sql("DELETE FROM crm_order o USING bench_bought b WHERE o.id = b.new")
    return seconds, base, more


def live() -> None:
    """Measure the builder's queries for a rule: count, reach by channel, a sample, overlap with another segment."""
    from analytics.segments.models import Segment
    from analytics.segments.services import figures as segments_figures

    other = Segment.objects.get(name=f"{NAMED} 3")
    cases = {
        "two conditions": rules()[3],
        "what was bought": {
            "op": "and",
            "children": [*rules()[-1]["children"], {"op": "not", "children": [leaf("open_ticket", "yes")]}],
        },
        "bought twice": {"op": "and", "children": [{**rules()[-1]["children"][0], "times": 2}]},
        "everyone": {"op": "and", "children": []},
    }

    def floor() -> float:
        return timed(lambda: sql("SELECT count(*) FROM analytics_customerfeature WHERE net_spend >= 50000"))

    def figures(rule: dict, overlap: int | None) -> float:
        return timed(lambda: segments_figures.figures_of(rule, overlap=overlap, sample=10))

    vacuum()
    # Write the changes of earlier cases now, not while a reader is measured.
    sql("CHECKPOINT")
    worst, bases, parts = 0.0, [], {}
    for name, rule in cases.items():
        base, ours, compared = interleaved(
            5, floor, lambda rule=rule: figures(rule, None), lambda rule=rule: figures(rule, other.pk)
        )
        parts |= {name: round(ours * 1000), f"{name} and overlap": round(compared * 1000)}
        bases.append(base)
        worst = max(worst, ours)
    more = {f"{name.replace(' ', '_')}_ms": value for name, value in parts.items()}
    report("segments_live_figures", worst * 1000, "ms", statistics.median(bases) * 1000, extra=more)


def run() -> None:
    bench_scale.make_shop()
    ten_lines_each()
    make_segments()
    from_nothing()
    new_orders()
    live()
