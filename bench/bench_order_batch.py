"""One API request with a batch of 100 orders of 1,000 lines each: 100,000 lines.

Floor, in the same run: the same lines by one COPY into the table of lines.
"""

from __future__ import annotations

import json
import random
import uuid

from bench.common import report, timed

ORDERS = 100
LINES = 1000
PRODUCTS = 2000


def body() -> bytes:
    rng = random.Random(4)
    run = uuid.uuid4().hex[:8]
    orders = [
        {
            "number": f"{run}-{number}",
            "placed_at": "2026-03-01T10:00:00Z",
            "customer": {"identities": [{"kind": "storefront", "value": f"bench-{number}"}]},
            "lines": [
                {
                    "sku": f"BENCH-{rng.randrange(PRODUCTS):05d}",
                    "name": "Espresso beans, 250 g",
                    "quantity": rng.randrange(1, 5),
                    "unit_amount": rng.randrange(100, 9999),
                }
                for _line in range(LINES)
            ],
        }
        for number in range(ORDERS)
    ]
    return json.dumps({"orders": orders}).encode()


def copy_lines(order: int, product: int) -> None:
    from django.db import connection, transaction

    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("DELETE FROM crm_orderline WHERE order_id = %s", [order])
        with cursor.copy(
            """COPY crm_orderline (order_id, position, kind, product_id, name, quantity, unit_price, discount, amount,
                                   refunded_quantity, refunded_amount, bought_at) FROM STDIN"""
        ) as copy:
            for position in range(1, ORDERS * LINES + 1):
                copy.write_row(
                    [order, position, "product", product, "Espresso beans, 250 g", 1, 1, 0, 100, 0, 0, "2026-03-01"]
                )
        # Foreign keys are checked at commit, but this transaction is rolled back.
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        transaction.set_rollback(True)


def run() -> None:
    from rest_framework.test import APIClient

    from core.security.api_keys import create_api_key
    from core.security.scopes import SCOPES
    from crm.customers.services.setup import ensure_store
    from crm.orders.models import Order, OrderLine

    ensure_store(name="Bench", currency="CNY", time_zone="Asia/Shanghai", country="CN", language="en")
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {create_api_key(name='bench', scopes=SCOPES.names())[1]}")
    before = OrderLine.objects.count()

    def post() -> float:
        sent = body()
        answers: list = []
        seconds = timed(
            lambda: answers.append(client.post("/api/v1/orders/batch", sent, content_type="application/json"))
        )
        outcomes = {row["outcome"] for row in answers[0].json()["results"]}
        if outcomes != {"created"}:
            raise SystemExit(f"not every order was created: {outcomes}")
        return seconds

    times = [post() for _run in range(3)]
    if OrderLine.objects.count() - before != 3 * ORDERS * LINES:
        raise SystemExit("lines are missing")
    order = Order.objects.latest("pk")
    product = OrderLine.objects.filter(order=order).exclude(product=None).values_list("product_id", flat=True)[0]
    floor = timed(lambda: copy_lines(order.pk, product))
    report(
        "order_batch", sorted(times)[1], "s", floor, extra={"orders": ORDERS, "lines": ORDERS * LINES, "runs": times}
    )
