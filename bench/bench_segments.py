"""Fifty segments on a simulated shop: new orders carried on, everything from nothing, the live figures of a rule.

BENCH_CUSTOMERS (default 1,000,000) and BENCH_ORDERS (default 50,000) say how large. Floors, in the same run: the RFM sums
of the customers concerned straight from the order lines, and one scan over the feature rows.
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
    """As a shop would have them: money, time, stages, scores, what was bought, samples; the last five are made of others."""
    categories = [row[0] for row in sql("SELECT DISTINCT category FROM crm_product WHERE category <> '' LIMIT 5")]
    found: list[dict[str, Any]] = []
    for place in range(9):
        found.append(leaf("net_spend", "gte", value=20_000 * (place + 1)))
        found.append(leaf("last_order", "within", days=15 * (place + 1)))
        found.append(leaf("order_count", "between", low=place, high=place + 2))
        found.append(
            {
                "op": "and",
                "children": [leaf("spend_365", "gte", value=10_000 * place), leaf("last_order", "before", days=90)],
            }
        )
    found += [leaf("stage", "in", values=[stage]) for stage in ("new", "at_risk", "lapsed", "won_back")]
    found += [leaf("rfm_m", "gte", value=5), leaf("sample", "has", percent=10, draw="bench")]
    found += [leaf("bought_category", "has", values=[name], times=1, days=180) for name in categories[:3]]
    return [{"op": "and", "children": [rule]} for rule in found]


def copy_rows(table: str, given: dict[str, str], rows: str) -> None:
    """Rows like those of `old`, but for the columns that are given and a number of their own."""
    values = {"id": f"nextval(pg_get_serial_sequence('{table}', 'id'))"} | given
    columns = [
        row[0]
        for row in sql(
            """SELECT column_name FROM information_schema.columns
               WHERE table_name = %s AND is_generated = 'NEVER' ORDER BY ordinal_position""",
            [table],
        )
    ]
    chosen = ", ".join(values.get(name, f"old.{name}") for name in columns)
    sql(f"INSERT INTO {table} ({', '.join(columns)}) SELECT {chosen} FROM {rows}")


def ten_lines_each() -> None:
    """The aim is for ten order lines a customer. The simulator gives 7.7; the others are lines bought once more."""
    ((lines, customers),) = sql("SELECT (SELECT count(*) FROM crm_orderline), (SELECT count(*) FROM crm_customer)")
    missing = 10 * customers - lines
    if missing > 0:
        drawn = f"(SELECT * FROM crm_orderline WHERE position < 1000 ORDER BY random() LIMIT {missing}) AS old"
        copy_rows("crm_orderline", {"position": "old.position + 1000"}, drawn)


def make_segments() -> None:
    from analytics.models import Segment, SegmentDay
    from analytics.services import segments
    from core.actor import SYSTEM

    old = Segment.objects.filter(name__startswith=NAMED)
    sql("TRUNCATE analytics_customersegments, analytics_segmentleaving")
    SegmentDay.objects.filter(segment__in=old)._raw_delete("default")
    Segment.objects.filter(name__startswith=NAMED)._raw_delete("default")
    Segment.objects.active().update(state="archived")
    made: list[Segment] = []
    for rule in rules():
        made.append(segments.create_segment(name=f"{NAMED} {len(made)}", rule=rule, actor=SYSTEM))
    while len(made) < SEGMENTS:
        of = [str(made[len(made) - 40].pk), str(made[len(made) - 30].pk)]
        rule = {"op": "and", "children": [leaf("in_segment", "has", values=of), leaf("is_member", "yes")]}
        made.append(segments.create_segment(name=f"{NAMED} {len(made)}", rule=rule, actor=SYSTEM))


def from_nothing() -> None:
    """Features, RFM, stages and memberships of everyone, when there are none."""
    from django.db import transaction

    from analytics.models import CustomerFeature, CustomerSegments, SegmentDay, SegmentLeaving
    from analytics.services import features, segments

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
    filled = timed(segments.compute_segments)
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
    """New orders of the last hour, one each by customers all over the shop, carried on in one refresh: once to warm up,
    once measured. They go afterwards, so that the next run finds the shop as it was."""
    _carry_on()
    seconds, base, more = _carry_on()
    report("segments_new_orders", seconds, "s", base, extra=more)


def _carry_on() -> tuple[float, float, dict[str, int]]:
    from analytics.models import ChangedCustomer
    from analytics.services import features, segments

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
    carried: list[int] = []
    seconds = timed(lambda: carried.append(segments.refresh_changed(limit=max(ORDERS, 50_000))))
    ((entered_since, left_since),) = sql(moved)
    if carried != [changed]:
        raise RuntimeError(f"{carried} of {changed} were carried on")
    more = {
        "orders": ORDERS, "customers_changed": changed, "entered": int(entered_since - entered),
        "left": int(left_since - left), "segments": SEGMENTS,
    }  # fmt: skip
    sql("DELETE FROM core_domainevent WHERE id > %s", [last_event])
    sql("DELETE FROM crm_orderline USING bench_bought b WHERE order_id = b.new")
    sql("DELETE FROM crm_order o USING bench_bought b WHERE o.id = b.new")
    return seconds, base, more


def live() -> None:
    """What the builder asks while a rule is edited: the count, reach by channel, a sample; and the overlap with another segment
    when one is chosen."""
    from analytics.models import Segment
    from analytics.services import segments

    other = Segment.objects.get(name=f"{NAMED} 3")
    asked = {
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
        return timed(lambda: segments.figures_of(rule, overlap=overlap, sample=10))

    vacuum()
    # What the cases before have changed is not to be written while a reader is measured.
    sql("CHECKPOINT")
    worst, bases, parts = 0.0, [], {}
    for name, rule in asked.items():
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
