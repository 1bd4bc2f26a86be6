"""One hot public coupon with 16 threads: reservations, and reservations that are redeemed.

Floor, in the same run: one conditional update of a counter row with its use row, by pgbench with 16 clients. A use that
is reserved and redeemed needs two of our commands against one of the floor's.
"""

from __future__ import annotations

import subprocess
import sys
import threading
import time
import uuid

from bench.common import ROOT, interleaved, pgbench, report, vacuum

CUSTOMERS = 20_000
CODE = "BENCHHOT"
FLOOR = """
DROP TABLE IF EXISTS floor_coupon, floor_use;
CREATE TABLE floor_coupon (id bigint PRIMARY KEY, used bigint NOT NULL, most bigint NOT NULL CHECK (used <= most));
CREATE TABLE floor_use (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), coupon bigint NOT NULL,
                        customer bigint NOT NULL);
INSERT INTO floor_coupon VALUES (1, 0, 1000000000);
"""
COUNTER = f"""\\set who random(1, {CUSTOMERS})
WITH taken AS (UPDATE floor_coupon SET used = used + 1 WHERE id = 1 AND used < most RETURNING id)
INSERT INTO floor_use (coupon, customer) SELECT id, :who FROM taken;
"""


def prepare() -> None:
    from django.db import connection

    from campaigns.coupons.models import CouponCode
    from campaigns.coupons.services.coupons import create_coupon
    from core.base.actor import SYSTEM
    from crm.customers.models import Customer
    from crm.customers.services.setup import ensure_store

    ensure_store(name="Bench", currency="CNY", time_zone="Asia/Shanghai", country="CN", language="en")
    missing = CUSTOMERS - Customer.objects.filter(source="bench-coupons").count()
    Customer.objects.bulk_create(
        (Customer(name="Bench", source="bench-coupons") for _ in range(missing)), batch_size=5000
    )
    if not CouponCode.objects.filter(code=CODE).exists():
        create_coupon(
            name="Hot", kind="amount", value=100, mode="public", code=CODE, limit_total=10**9, limit_per_customer=10**6,
            budget=10**14, actor=SYSTEM,
        )  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(FLOOR)


def storm(mode: str, seconds: int = 4, threads: int = 16) -> float:
    """Return the uses a second from two processes with threads."""
    code = f"""
import sys; sys.path.insert(0, {str(ROOT)!r})
from bench.bench_coupons import process
process({mode!r}, {seconds}, {threads // 2})
"""
    running = [subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) for _ in range(2)]
    return sum(float(one.communicate(timeout=seconds + 60)[0]) for one in running)


def process(mode: str, seconds: int, threads: int) -> None:
    import django

    django.setup()
    from django.db import connection

    from campaigns.coupons.services.uses import redeem_coupon, reserve_coupon
    from core.base.actor import SYSTEM
    from crm.customers.models import Customer

    customers = list(Customer.objects.filter(source="bench-coupons").order_by("pk"))
    connection.close()
    done, lock = [0], threading.Lock()

    def use(mark: str, count: int, number: int) -> None:
        customer = customers[(count * 7919 + number * 1303) % len(customers)]
        answer = reserve_coupon(
            code=CODE, cart_amount=10_000, currency="CNY", customer=customer, key=f"{mark}-{count}", actor=SYSTEM
        )
        if mode == "use":
            redeem_coupon(reservation=uuid.UUID(answer["reservation"]), key=f"{mark}-{count}-r", actor=SYSTEM)

    def run(number: int) -> None:
        count, mark = 0, uuid.uuid4().hex
        use(mark, 0, number)
        barrier.wait()
        end = time.perf_counter() + seconds
        while time.perf_counter() < end:
            count += 1
            use(mark, count, number)
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
    prepare()
    vacuum()
    floor, ours = interleaved(3, lambda: pgbench(COUNTER), lambda: storm("reserve"))
    report("coupon_reserve_hot", ours, "a second", floor)
    vacuum()
    floor, ours = interleaved(3, lambda: pgbench(COUNTER), lambda: storm("use"))
    report("coupon_use_hot", ours, "uses a second", floor, extra={"commands_a_second": round(2 * ours)})
