"""Clients of the ledger in a separate process, for tests that kill servers: `python -m tests.loyalty.ledger.storm ...`.

Every command has a key and is repeated until it is acknowledged, as a storefront would do. Each acknowledgement is
printed, so that the test can compare promises with the data.
"""

from __future__ import annotations

import os
import sys
import threading
import time

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.base")

ACCOUNTS, START, TURNS = 8, 1_000_000, 60
GIVE, SPEND, ORDER_POINTS = 10, 7, 100


def say(line: str) -> None:
    """Print a line in one write, because two processes share the file."""
    os.write(1, f"{line}\n".encode())


def prepare() -> None:
    """Create a program, 8 members with a million points each, and an order for every turn of every client."""
    from django.utils import timezone

    from core.base.actor import SYSTEM
    from crm.customers.models import Customer
    from crm.customers.services.setup import ensure_store
    from crm.orders.models import Order
    from loyalty.earning.services.setup import ensure_default_program
    from loyalty.ledger.models import Account
    from loyalty.ledger.services.adjustments import adjust_points
    from loyalty.ledger.services.enrolment import enrol_member

    store = ensure_store(name="Storm", currency="CNY", time_zone="Asia/Shanghai", country="CN", language="en")
    program = ensure_default_program()
    people = Customer.objects.bulk_create(Customer(name=f"P{n}", source="test") for n in range(ACCOUNTS))
    for person in people:
        account = Account.objects.get(member=enrol_member(customer=person, program=program, actor=SYSTEM))
        adjust_points(account=account, points=START, reason="migration", key=f"start-{person.pk}", actor=SYSTEM)
    now = timezone.now()
    Order.objects.bulk_create(
        Order(
            store=store, source="test", number=f"{client}-{turn}", customer=people[(client + turn) % ACCOUNTS],
            state="paid", currency="CNY", subtotal=10_000, total=10_000, placed_at=now, paid_at=now,
        )
        for client in range(16)
        for turn in range(0, TURNS, 3)
    )  # fmt: skip


def clients(first: int, count: int) -> None:
    """Run `count` clients as threads. In turn, each earns and refunds an order, gives points, and spends points."""
    from django.db import connection

    from core.base.actor import SYSTEM
    from crm.customers.models import Customer
    from crm.orders.models import Order
    from loyalty.earning.services.awards import award_points_for_orders
    from loyalty.earning.services.refunds import reverse_points_for_orders
    from loyalty.ledger.models import Account
    from loyalty.ledger.services.adjustments import adjust_points
    from loyalty.ledger.services.redemption import redeem_points
    from loyalty.program.models import Program

    people = list(Customer.objects.filter(source="test").order_by("pk"))
    accounts = list(
        Account.objects.filter(member__customer__in=people)
        .select_related("member__program")
        .order_by("member__customer")
    )
    program = Program.objects.get()
    say("ready")

    def command(client: int, turn: int) -> None:
        account, key = accounts[(client + turn) % ACCOUNTS], f"{client}-{turn}"
        if turn % 3 == 0:
            order = Order.objects.get(source="test", number=key)
            award_points_for_orders(program=program, orders=[order])
            Order.objects.filter(pk=order.pk).update(refunded=order.total // 2)
            order.refresh_from_db()
            reverse_points_for_orders(orders=[order])
        elif turn % 3 == 1:
            adjust_points(account=account, points=GIVE, reason="goodwill", key=key, actor=SYSTEM)
        else:
            redeem_points(account=account, points=SPEND, key=key, actor=SYSTEM)

    def run(client: int) -> None:
        for turn in range(TURNS):
            while True:
                try:
                    command(client, turn)
                    break
                except Exception as error:
                    connection.close()
                    say(f"again {client}-{turn} {type(error).__name__}")
                    time.sleep(0.05)
            say(f"done {client}-{turn} {time.time()}")
        connection.close()

    threads = [threading.Thread(target=run, args=(first + number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def hold_open(key: str, account: int) -> None:
    """Redeem inside a transaction that never ends, so that a kill of this process hits between claim and commit."""
    from django.db import transaction

    from core.base.actor import SYSTEM
    from loyalty.ledger.models import Account
    from loyalty.ledger.services.redemption import redeem_points

    with transaction.atomic():
        redeem_points(
            account=Account.objects.select_related("member__program").get(pk=account), points=10, key=key, actor=SYSTEM
        )
        say("claimed")
        time.sleep(120)


if __name__ == "__main__":
    import django

    django.setup()
    {"prepare": prepare, "clients": clients, "hold": hold_open}[sys.argv[1]](
        *(int(value) if value.isdigit() else value for value in sys.argv[2:])
    )
