"""Activity over HTTP in batches of 500 events. Floor: the same rows by COPY into a table with its key and one index."""

from __future__ import annotations

import json
import time

from bench.common import BenchServer, interleaved, load, report, vacuum

BATCH = 500


def floor() -> float:
    """Return the rows a second of COPY into an indexed table, from this process."""
    from django.db import connection

    rows = 100_000
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS floor_event")
        cursor.execute(
            """CREATE TABLE floor_event (source text, sender_id text, customer_id bigint, kind text, properties jsonb,
                   occurred_at timestamptz, PRIMARY KEY (source, sender_id))"""
        )
        cursor.execute("CREATE INDEX ON floor_event (customer_id, kind, occurred_at)")
        started = time.perf_counter()
        with cursor.copy("COPY floor_event FROM STDIN") as copy:
            for number in range(rows):
                copy.write(f"s\t{number}\t{number % 2000}\tview\t{{}}\t2026-11-20T10:00:00Z\n")
        return rows / (time.perf_counter() - started)


def run() -> None:
    from core.security.api_keys import create_api_key
    from core.security.models import ApiKey
    from core.security.scopes import SCOPES
    from crm.customers.models import Customer
    from crm.customers.services.setup import ensure_store
    from crm.orders.models import Product

    ensure_store(name="Bench", currency="CNY", time_zone="Asia/Shanghai", country="CN", language="en")
    if Customer.objects.filter(source="bench-activity").count() < 2000:
        Customer.objects.bulk_create(Customer(name="Bench", source="bench-activity") for _ in range(2000))
    Product.objects.get_or_create(sku="BENCH-1")
    numbers = list(Customer.objects.filter(source="bench-activity").values_list("number", flat=True)[:2000])
    ApiKey.objects.filter(name="bench").delete()
    secret = create_api_key(name="bench", scopes=SCOPES.names())[1]
    vacuum()
    events = [
        {
            "id": f"UNIQUE-{n}",
            "kind": ("view", "cart", "search")[n % 3],
            "occurred_at": "2026-11-20T10:00:00Z",
            "customer": numbers[(n * 37) % len(numbers)],
            "sku": "BENCH-1",
            "properties": {"page": n},
        }
        for n in range(BATCH)
    ]
    headers = f"Authorization: Bearer {secret}\r\nContent-Type: application/json\r\n"
    server = BenchServer()
    last = {}

    def ours() -> float:
        result = load(
            server.port, paths=["/api/v1/activity"], headers=headers, body=json.dumps({"events": events}), clients=8
        )
        if set(result.statuses) != {202}:
            raise RuntimeError(f"unexpected answers {result.statuses}")
        last["p99"] = result.p99
        return result.rate * BATCH

    try:
        ours()
        base, figure = interleaved(3, floor, ours)
        report(
            "activity_http", figure, "events a second", base, extra={"batch": BATCH, "p99_ms": round(last["p99"], 1)}
        )
    finally:
        server.stop()
