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


def make_segments() -> None:
    from analytics.models import Segment, SegmentDay, SegmentMembership
    from analytics.services import segments
    from core.actor import SYSTEM

    old = Segment.objects.filter(name__startswith=NAMED)
    SegmentMembership.objects.filter(segment__in=old)._raw_delete("default")
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

    from analytics.models import CustomerFeature, SegmentMembership, StagePeriod
    from analytics.services import features, segments

    def forget() -> None:
        with transaction.atomic():
            for model in (CustomerFeature, StagePeriod, SegmentMembership):
                model.objects.all()._raw_delete("default")
            sql("UPDATE analytics_segment SET size = 0, computed_version = 0")

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
    ((members,),) = sql("SELECT count(*) FROM analytics_segmentmembership WHERE left_at IS NULL")
    ((people,),) = sql("SELECT count(*) FROM analytics_customerfeature")
    more = {
        "customers": people,
        "segments": SEGMENTS,
        "members": members,
        "features_s": round(figures, 1),
        "segments_s": round(filled, 1),
    }
    report("segments_from_nothing", figures + filled, "s", base, extra=more)


def new_orders() -> None:
    """Orders of the last hour, written in bulk as an import does, then carried on in one refresh."""
    from analytics.services import features, segments

    before = sql("SELECT count(*) FROM analytics_segmentmembership")[0][0]
    sql(
        """WITH bought AS (
               SELECT o.id, row_number() OVER () AS place FROM crm_order o TABLESAMPLE SYSTEM (20)
               WHERE o.state = 'paid' AND o.customer_id IS NOT NULL LIMIT %s)
           UPDATE crm_order o SET paid_at = now() - interval '1 hour', placed_at = now() - interval '1 hour'
           FROM bought WHERE bought.id = o.id""",
        [ORDERS],
    )
    sql(
        """UPDATE crm_orderline l SET bought_at = o.paid_at FROM crm_order o
           WHERE o.id = l.order_id AND o.paid_at > now() - interval '2 hours' AND l.bought_at <> o.paid_at"""
    )
    vacuum()
    changed = features.mark_changed_by_query(
        "SELECT customer_id FROM crm_order WHERE paid_at > now() - interval '2 hours' AND customer_id IS NOT NULL", []
    )
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
    moved = sql("SELECT count(*) FROM analytics_segmentmembership")[0][0] - before
    if carried != [changed]:
        raise RuntimeError(f"{carried} of {changed} were carried on")
    more = {"orders": ORDERS, "customers_changed": changed, "entered": moved, "segments": SEGMENTS}
    report("segments_new_orders", seconds, "s", base, extra=more)


def live() -> None:
    """What the builder asks while a rule is edited: the count, reach by channel, overlap with another segment, a sample."""
    from analytics.models import Segment
    from analytics.services import segments

    other = Segment.objects.get(name=f"{NAMED} 3")
    asked = {
        "two conditions": rules()[3],
        "what was bought": {
            "op": "and",
            "children": [*rules()[-1]["children"], {"op": "not", "children": [leaf("open_ticket", "yes")]}],
        },
        "everyone": {"op": "and", "children": []},
    }

    def floor() -> float:
        return timed(lambda: sql("SELECT count(*) FROM analytics_customerfeature WHERE net_spend >= 50000"))

    def figures(rule: dict) -> float:
        return timed(lambda: (segments.figures_of(rule, overlap=other.pk), segments.sample_rule(rule)))

    worst, bases, parts = 0.0, [], {}
    for name, rule in asked.items():
        base, ours = interleaved(5, floor, lambda rule=rule: figures(rule))
        parts[name] = round(ours * 1000)
        bases.append(base)
        worst = max(worst, ours)
    more = {f"{name}_ms": value for name, value in parts.items()}
    report("segments_live_figures", worst * 1000, "ms", statistics.median(bases) * 1000, extra=more)


def run() -> None:
    bench_scale.make_shop()
    make_segments()
    from_nothing()
    new_orders()
    live()
