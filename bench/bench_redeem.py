"""Redemption in the service and over HTTP through the whole stack, for different members and one hot member.

Floors, in the same run: the same work as one call to the database (pgbench, 16 clients), and a bare DRF view with that
call. Also redemptions in batches over HTTP, against the one-call floor.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
import uuid

from bench.common import ROOT, BenchServer, interleaved, load, pgbench, report, vacuum

MEMBERS = 2000
BATCH = 500
POINTS = 50_000_000
FLOOR = """
DROP TABLE IF EXISTS floor_key, floor_entry, floor_balance;
CREATE TABLE floor_balance (id bigint PRIMARY KEY, available bigint NOT NULL CHECK (available >= 0));
CREATE TABLE floor_entry (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, account bigint NOT NULL,
                          points bigint NOT NULL, at timestamptz NOT NULL DEFAULT now());
CREATE INDEX ON floor_entry (account);
CREATE TABLE floor_key (key text PRIMARY KEY, answer bigint);
CREATE OR REPLACE FUNCTION floor_redeem(p_account bigint, p_points bigint, p_key text)
RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE left_over bigint;
BEGIN
    INSERT INTO floor_key (key) VALUES (p_key) ON CONFLICT DO NOTHING;
    IF NOT FOUND THEN RETURN (SELECT answer FROM floor_key WHERE key = p_key); END IF;
    UPDATE floor_balance SET available = available - p_points WHERE id = p_account AND available >= p_points
        RETURNING available INTO left_over;
    INSERT INTO floor_entry (account, points) VALUES (p_account, -p_points);
    UPDATE floor_key SET answer = left_over WHERE key = p_key;
    RETURN left_over;
END $$;
"""


def prepare() -> list[str]:
    """Create members with more points than a run can spend, and the floor's tables. Return the customer numbers."""
    from django.db import connection, transaction

    from core.base.actor import SYSTEM
    from crm.customers.models import Customer
    from crm.customers.services.setup import ensure_store
    from loyalty.earning.services.setup import ensure_default_program
    from loyalty.ledger.models import Account
    from loyalty.ledger.services.adjustments import adjust_points
    from loyalty.ledger.services.enrolment import enrol_many

    ensure_store(name="Bench", currency="CNY", time_zone="Asia/Shanghai", country="CN", language="en")
    program = ensure_default_program()
    known = Customer.objects.filter(source="bench-redeem").count()
    if known < MEMBERS:
        with transaction.atomic():
            Customer.objects.bulk_create(Customer(name="Bench", source="bench-redeem") for _ in range(MEMBERS - known))
            ids = list(Customer.objects.filter(source="bench-redeem").values_list("pk", flat=True))
            enrol_many(program=program, customer_ids=ids, since=[None] * len(ids))
    accounts = list(
        Account.objects.select_related("member__program", "member__customer")
        .filter(member__customer__source="bench-redeem")
        .order_by("pk")
    )
    for account in accounts:
        if account.available < POINTS // 2:
            adjust_points(account=account, points=10_000_000, reason="promotion", key=uuid.uuid4().hex, actor=SYSTEM)
    with connection.cursor() as cursor:
        cursor.execute(FLOOR)
        cursor.execute("INSERT INTO floor_balance SELECT g, 1000000000 FROM generate_series(1, %s) AS g", [MEMBERS])
    return [account.member.customer.number for account in accounts]


def service(accounts: str, seconds: int, clients: int) -> float:
    """Return the redemptions a second through `redeem_points`, from two processes with threads."""
    code = f"""
import sys; sys.path.insert(0, {str(ROOT)!r})
from bench.bench_redeem import service_process
service_process({accounts!r}, {seconds}, {clients // 2})
"""
    processes = [subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) for _ in range(2)]
    return sum(float(process.communicate(timeout=seconds + 60)[0]) for process in processes)


def service_process(which: str, seconds: int, threads: int) -> None:
    import django

    django.setup()
    from django.db import connection

    from core.base.actor import SYSTEM
    from loyalty.ledger.models import Account
    from loyalty.ledger.services.redemption import redeem_points

    accounts = list(
        Account.objects.select_related("member__program").filter(member__customer__source="bench-redeem").order_by("pk")
    )
    if which == "hot":
        accounts = accounts[:1]
    connection.close()
    done, lock = [0], threading.Lock()

    def run(number: int) -> None:
        count, mark = 0, uuid.uuid4().hex
        redeem_points(account=accounts[0], points=1, key=f"{mark}-warm", actor=SYSTEM)
        barrier.wait()
        end = time.perf_counter() + seconds
        while time.perf_counter() < end:
            count += 1
            account = accounts[(count * 7919 + number * 131) % len(accounts)]
            redeem_points(account=account, points=1, key=f"{mark}-{count}", actor=SYSTEM)
        with lock:
            done[0] += count
        connection.close()

    barrier = threading.Barrier(threads)
    workers = [threading.Thread(target=run, args=(number,)) for number in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    print(done[0] / seconds)


def run() -> None:
    from core.security.api_keys import create_api_key
    from core.security.models import ApiKey
    from core.security.scopes import SCOPES

    numbers = prepare()
    ApiKey.objects.filter(name="bench").delete()
    secret = create_api_key(name="bench", scopes=SCOPES.names())[1]
    vacuum()
    spread = f"\\set id random(1, {MEMBERS})\nSELECT floor_redeem(:id, 1, gen_random_uuid()::text);\n"
    hot = "SELECT floor_redeem(1, 1, gen_random_uuid()::text);\n"
    floor, ours = interleaved(3, lambda: pgbench(spread), lambda: service("all", 4, 16))
    report("redeem_service", ours, "a second", floor)
    vacuum()
    floor_hot, ours_hot = interleaved(3, lambda: pgbench(hot), lambda: service("hot", 4, 16))
    report("redeem_service_hot", ours_hot, "a second", floor_hot)
    vacuum()

    bare, full = BenchServer("bench.floor_app:application"), BenchServer()
    headers = f"Authorization: Bearer {secret}\r\nContent-Type: application/json\r\nIdempotency-Key: UNIQUE\r\n"
    body = '{"points": 1}'
    ours_paths = [f"/api/v1/members/{number}/points/redemptions" for number in numbers]
    details: dict = {}

    def http(server: BenchServer, paths: list[str], name: str) -> float:
        result = load(server.port, paths=paths, headers=headers, body=body)
        wrong = {status: count for status, count in result.statuses.items() if status not in {200, 201}}
        if wrong:
            raise RuntimeError(f"{name}: unexpected answers {wrong}")
        details[name] = result
        return result.rate

    try:
        http(full, ours_paths, "warm")
        floor_http, ours_http, hot_http = interleaved(
            3,
            lambda: http(bare, [f"/redeem/{number}" for number in range(1, MEMBERS + 1)], "bare"),
            lambda: http(full, ours_paths, "full"),
            lambda: http(full, ours_paths[:1], "hot"),
        )
        report("redeem_http", ours_http, "a second", floor_http,
               extra={"p50_ms": round(details["full"].p50, 1), "p99_ms": round(details["full"].p99, 1)})  # fmt: skip
        report("redeem_http_hot", hot_http, "a second", ours_http, extra={"p99_ms": round(details["hot"].p99, 1)})
        vacuum()
        batches(full, numbers, secret, floor)
    finally:
        bare.stop()
        full.stop()


def batches(server: BenchServer, numbers: list[str], secret: str, floor: float) -> None:
    """Measure the redemptions a second in batches of BATCH different members, from two clients."""
    bodies = [
        json.dumps({"redemptions": [{"customer": one, "points": 1, "key": f"UNIQUE-{one}"} for one in part]})
        for part in (numbers[start : start + BATCH] for start in range(0, len(numbers), BATCH))
    ]
    headers = f"Authorization: Bearer {secret}\r\nContent-Type: application/json\r\n"
    last = {}

    def ours() -> float:
        result = load(server.port, paths=["/api/v1/points/redemptions"], headers=headers, body=bodies, clients=2)
        if set(result.statuses) != {200}:
            raise RuntimeError(f"unexpected answers {result.statuses}")
        last["p99"] = result.p99
        return result.rate * BATCH

    rate = interleaved(3, ours)[0]
    report("redeem_batches", rate, "a second", floor, extra={"batch": BATCH, "p99_ms": round(last["p99"], 1)})
