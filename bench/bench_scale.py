"""A shop of a million customers (BENCH_CUSTOMERS): its creation, its figures, one segment, search and customer page.

Floors, in the same run: RFM aggregates directly from the orders, one scan of the feature rows, four plain queries for a
page.
"""

from __future__ import annotations

import os
import random
import statistics
import time
from collections.abc import Callable
from pathlib import Path

from bench.common import ROOT, interleaved, report, sql, timed, vacuum

CUSTOMERS = int(os.environ.get("BENCH_CUSTOMERS", "1000000"))


def make_shop() -> None:
    from config.demo import shop
    from crm.customers.models import Customer
    from crm.customers.services.setup import ensure_store
    from crm.simulation.services.shop import simulate_shop

    if Customer.objects.filter(orders__source="simulator").exists():
        return
    shop.empty_shop()
    store = ensure_store(name="Bench", currency="CNY", time_zone="Asia/Shanghai", country="CN", language="en")
    results = {}

    def work() -> None:
        results["shop"] = simulate_shop(
            store=store,
            customers=CUSTOMERS,
            seed=1,
            truth_directory=Path(os.environ.get("LIUKE_VAR", ROOT / "var")) / "simulation",
            with_activity=False,
        )

    seconds = timed(work)
    shop = results["shop"]
    report(
        "simulate_shop",
        CUSTOMERS / seconds,
        "customers a second",
        extra={"customers": CUSTOMERS, "orders": shop.orders, "lines": shop.lines, "seconds": round(seconds, 1)},
    )


def figures() -> None:
    from django.db import transaction

    from analytics.features.models import CustomerFeature
    from analytics.features.services import features

    def ours() -> float:
        return timed(features.refresh_everything)

    def floor() -> float:
        return timed(
            lambda: sql(
                """SELECT count(*) FROM (
                       SELECT customer_id, count(*), sum(amount - refunded_amount), max(bought_at), min(bought_at)
                       FROM crm_orderline WHERE customer_id IS NOT NULL GROUP BY customer_id) AS rfm"""
            )
        )

    def forget() -> None:
        with transaction.atomic():
            CustomerFeature.objects.all()._raw_delete("default")

    forget()
    vacuum()
    first = ours()
    base, again = interleaved(1, floor, ours)
    count = CustomerFeature.objects.count()
    report("features_from_nothing", first, "s", base, extra={"customers": count})
    report("features_again", again, "s", base, extra={"customers": count})


def segment() -> None:
    from analytics.segments.models import Segment
    from analytics.segments.services import figures as segments_figures
    from analytics.segments.services import runs as segment_runs
    from analytics.segments.services import segments
    from core.base.actor import SYSTEM

    vacuum()
    rule = {
        "op": "and",
        "children": [
            {"condition": "net_spend", "operator": "gte", "value": 50000},
            {"condition": "last_order", "operator": "before", "days": 90},
        ],
    }

    def floor() -> float:
        return timed(
            lambda: sql(
                """SELECT count(*) FROM analytics_customerfeature
                   WHERE net_spend >= 50000 AND last_order_at <= now() - interval '90 days'"""
            )
        )

    base, ours = interleaved(5, floor, lambda: timed(lambda: segments_figures.count_rule(rule)))
    report("segment_count", ours * 1000, "ms", base * 1000)
    Segment.objects.filter(name="Bench").update(name=f"Bench {time.time()}", state="archived")
    row = segments.create_segment(name="Bench", rule=rule, actor=SYSTEM)
    seconds = timed(lambda: segment_runs.compute_segments([row.pk]))
    row.refresh_from_db()
    report("segment_fill", seconds, "s", base, extra={"members": row.size})


def pages() -> None:
    """Measure search and the customer page through the whole stack by Django's test client, without the network."""
    from django.conf import settings
    from django.test import Client

    from core.security.models import User
    from crm.customers.models import Customer

    settings.ALLOWED_HOSTS = ["*"]
    user, _ = User.objects.get_or_create(username="bench", defaults={"is_superuser": True, "is_staff": True})
    client = Client()
    client.force_login(user)
    dice = random.Random(1)
    people = list(Customer.objects.filter(pk__gt=dice.randint(1, CUSTOMERS // 2))[:300])
    words = [person.name[:2] for person in people[:60]] + [person.number for person in people[60:100]]
    words += [f"{dice.randint(0, 9999):04d}" for _ in range(40)]
    for word in words[:5]:
        client.get("/customers/", {"q": word})
        client.get("/palette/", {"q": word})

    def latency(requests: list[tuple[str, dict]]) -> list[float]:
        times = []
        for path, query in requests:
            started = time.perf_counter()
            response = client.get(path, query)
            times.append((time.perf_counter() - started) * 1000)
            if response.status_code not in {200, 302}:
                raise RuntimeError(f"{path}: {response.status_code}")
        return times

    def p95(times: list[float]) -> float:
        return statistics.quantiles(times, n=20)[18]

    def twice(name: str, requests: list[tuple[str, dict]], base: float | None = None) -> None:
        """Report the second run, with the rows in memory as in a working shop, and the first run as extra figure."""
        cold, warm = latency(requests), latency(requests)
        more = {"p50_ms": round(statistics.median(warm), 1), "cold_p95_ms": round(p95(cold), 1)}
        report(name, p95(warm), "ms p95", base, extra=more)

    # The palette that `/` opens answers while the user types; the list page shows the same customers with more columns.
    twice("customer_search", [("/palette/", {"q": word}) for word in words])
    twice("customer_list_search", [("/customers/", {"q": word}) for word in words])
    # Pinyin in full, of one syllable and as initials; the shortest match the most names.
    pinyins = [form for person in people if len(form := person.search_name.split(" ")) > 2][:40]
    spoken = [word for form in pinyins for word in (form[1], form[2], form[-2])]
    twice("customer_pinyin_search", [("/palette/", {"q": word}) for word in spoken if len(word) > 1])

    def floor() -> float:
        person = dice.choice(people)
        return timed(
            lambda: (
                sql("SELECT * FROM crm_customer WHERE id = %s", [person.pk]),
                sql("SELECT * FROM crm_identity WHERE customer_id = %s", [person.pk]),
                sql("SELECT * FROM crm_order WHERE customer_id = %s ORDER BY placed_at DESC LIMIT 20", [person.pk]),
                sql("SELECT * FROM analytics_customerfeature WHERE customer_id = %s", [person.pk]),
            )
        )

    base = interleaved(50, floor)[0] * 1000
    twice("customer_page", [(f"/customers/{person.number}/", {}) for person in people[:150]], base)


PARTS: dict[str, Callable[[], None]] = {"shop": make_shop, "features": figures, "segment": segment, "pages": pages}


def run() -> None:
    """Run all parts, or those that BENCH_PARTS names, such as `segment,pages`."""
    for name in os.environ.get("BENCH_PARTS", ",".join(PARTS)).split(","):
        PARTS[name]()
