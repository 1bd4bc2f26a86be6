"""Tests of the ledger when servers die or tasks repeat: F1, F3, F9 after a crash, F11."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
from django.db import connection

from core.base.actor import SYSTEM
from core.events.models import EventDelivery
from core.events.outbox import deliver, deliver_all
from crm.orders.services.refunds import record_refund
from loyalty.ledger.models import Account, Entry, Lot
from loyalty.ledger.services.adjustments import adjust_points
from loyalty.ledger.services.enrolment import enrol_member
from loyalty.ledger.services.reconciliation import reconcile_points
from loyalty.ledger.services.redemption import redeem_points
from tests import prepared, threads
from tests.loyalty.ledger import storm
from tests.processes import this_database

ROOT = Path(__file__).resolve().parents[3]


def _process(environment: dict[str, str], *arguments: str, **options) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-m", "tests.loyalty.ledger.storm", *arguments],
        cwd=ROOT,
        env=environment,
        text=True,
        **options,
    )


@pytest.mark.processes
def test_killing_postgresql_ten_times_under_load_loses_and_doubles_nothing(tmp_path_factory, monkeypatch):
    # given a separate PostgreSQL with full durability, and 16 clients that earn, refund, give and spend
    from core.embedded import places as embedded

    monkeypatch.delenv("LIUKE_EMBEDDED_FSYNC", raising=False)
    folder = tmp_path_factory.mktemp("f1")
    prepared.copy_to(folder)
    environment = {key: value for key, value in os.environ.items() if key != "DATABASE_URL"}
    environment |= {"LIUKE_VAR": str(folder), "DJANGO_SETTINGS_MODULE": "config.settings.base", "LOG_LEVEL": "CRITICAL"}
    keeper = subprocess.Popen(
        [sys.executable, "-c", "from core import embedded; embedded.attach(); print('up', flush=True); input()"],
        cwd=ROOT, env=environment, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    assert keeper.stdout is not None
    assert keeper.stdout.readline() == "up\n"
    place = embedded.locations(folder)
    environment["DATABASE_URL"] = place.database_url
    running: list[subprocess.Popen] = []
    try:
        assert _process(environment, "prepare").wait(60) == 0
        out = (folder / "acknowledged").open("w")
        running += [_process(environment, "clients", str(first), "8", stdout=out) for first in (0, 8)]

        _all_ready(folder / "acknowledged", running)
        _first_after(folder / "acknowledged", 0, running)

        # when the server is killed ten times
        recovered = []
        for _ in range(10):
            time.sleep(0.7)
            pid = int((place.postgres / "postmaster.pid").read_text().splitlines()[0])
            os.kill(pid, signal.SIGKILL)
            started = _start_again(place)
            recovered.append(_first_after(folder / "acknowledged", started, running) - started)
        for process in running:
            assert process.wait(180) == 0
        out.close()

        # then everything acknowledged exists once, and the books agree
        lines = [line.split() for line in (folder / "acknowledged").read_text().splitlines()]
        done = Counter(line[1] for line in lines if line[0] == "done")
        assert len(done) == 16 * storm.TURNS
        assert set(done.values()) == {1}
        assert sum(line[0] == "again" for line in lines) >= 10, "the kills interrupted the storm"
        assert max(recovered) < 10
        import psycopg

        with psycopg.connect(environment["DATABASE_URL"]) as database:
            figures = dict(database.execute("SELECT kind, count(*) FROM loyalty_entry GROUP BY kind").fetchall())
            balances = database.execute(
                "SELECT available, pending, held, debt FROM loyalty_account ORDER BY id"
            ).fetchall()
        turns = 16 * storm.TURNS // 3
        assert figures == {"adjust": storm.ACCOUNTS + turns, "redeem": turns, "earn": turns, "clawback": turns}
        gained = turns * (storm.GIVE - storm.SPEND + storm.ORDER_POINTS // 2)
        assert sum(row[0] for row in balances) == storm.ACCOUNTS * storm.START + gained
        assert {row[1:] for row in balances} == {(0, 0, 0)}
        subprocess.run([sys.executable, "manage.py", "reconcile_points"], cwd=ROOT, env=environment, check=True)
    finally:
        for process in running:
            process.kill()
        keeper.communicate("\n", timeout=60)


def _start_again(place) -> float:
    """Start the server until it starts, as a supervisor does. The killed server's children need a moment to exit."""
    from core.embedded import places, postgres

    deadline = time.monotonic() + 30
    while True:
        try:
            postgres.start(place)
            return time.time()
        except places.ConfigurationError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)


def _all_ready(path: Path, running: list[subprocess.Popen]) -> None:
    """Wait until all processes work, because a process that is still starting does not retry."""
    deadline = time.monotonic() + 60
    while path.read_text().splitlines().count("ready") < len(running):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def _first_after(path: Path, moment: float, running: list[subprocess.Popen]) -> float:
    deadline = time.monotonic() + 15
    while time.monotonic() < deadline:
        times = [float(line.split()[2]) for line in path.read_text().splitlines() if line.startswith("done ")]
        later = [at for at in times if at > moment]
        if later:
            return min(later)
        if all(process.poll() is not None for process in running):
            return moment
        time.sleep(0.05)
    raise AssertionError("nothing was acknowledged within 15 s of the restart")


@pytest.mark.processes
@pytest.mark.django_db(transaction=True)
def test_a_process_killed_between_claim_and_commit_leaves_its_key_free(program, make_customer):
    # given a process that has claimed a key and spent points without committing
    account = Account.objects.get(member=enrol_member(customer=make_customer(), program=program, actor=SYSTEM))
    adjust_points(account=account, points=100, reason="goodwill", key="g", actor=SYSTEM)
    process = _process(this_database(), "hold", "the-key", str(account.pk), stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == "claimed\n"

    # when it is killed, and the command is repeated under the same key
    process.kill()
    process.wait(10)
    answer = redeem_points(account=account, points=10, key="the-key", actor=SYSTEM)

    # then it has one effect
    assert (answer["points"], answer["available"]) == (10, 90)
    assert redeem_points(account=account, points=10, key="the-key", actor=SYSTEM) == answer
    assert Entry.objects.filter(account=account, kind="redeem").count() == 1


@pytest.fixture
def refunded_shop(program, make_customer, make_order):
    """Return 12 customers with two orders of 100.00 each; every third order is refunded in two parts of 25.00."""
    people = [make_customer() for _ in range(12)]
    orders = [make_order(person, 10_000) for person in people for _ in range(2)]
    for order in orders[::3]:
        for part in ("a", "b"):
            record_refund(
                order_number=order.number,
                number=f"{order.number}{part}",
                source="storefront",
                amount=2_500,
                actor=SYSTEM,
            )
    return people


def _ledger() -> list[tuple]:
    # Sorted by customer, because the workers decide which account is opened first.
    return list(Account.objects.order_by("member__customer", "pk").values_list("available", "pending", "held", "debt"))


@pytest.mark.django_db(transaction=True)
def test_repeated_late_and_unordered_tasks_have_one_effect(refunded_shop):
    # given all pending deliveries, refunds included, delivered by three workers in parallel, three times, the refunds
    # first
    dice = random.Random(3)
    names = [
        "loyalty.reverse_points",
        "loyalty.award_points",
        *sorted({d.handler for d in EventDelivery.objects.all()}),
    ]
    pending = list(EventDelivery.objects.values_list("event_id", "handler"))

    def worker(_number: int) -> None:
        for _ in range(3):
            for name in names:
                deliver(name)

    threads.storm(3, worker)
    deliver_all()

    # then each customer has the result of a single delivery: 200 less 50 for each refunded order
    expected = [200 - 50 * sum(order % 3 == 0 for order in (2 * person, 2 * person + 1)) for person in range(12)]
    assert [row[0] for row in _ledger()] == expected
    first = _ledger()

    # when everything is delivered again an hour later, shuffled
    dice.shuffle(pending)
    EventDelivery.objects.bulk_create(EventDelivery(event_id=event, handler=name) for event, name in pending)
    deliver_all()

    # then nothing moves
    assert _ledger() == first
    assert reconcile_points().difference_count == 0


@pytest.mark.django_db(transaction=True)
def test_parallel_partial_refunds_after_expiry_count_once(program, make_customer, make_order):
    # given an order of 500.00 that earned 500 points and was paid with 300 points, whose lot has expired since
    customer = make_customer()
    order = make_order(customer, 50_000, number="BIG", points_amount=300)
    deliver_all()
    account = Account.objects.select_related("member__program").get(member__customer=customer)
    adjust_points(account=account, points=300, reason="goodwill", key="g", actor=SYSTEM)
    Lot.objects.filter(source="adjustment").update(expires_at="2099-01-01T00:00:00Z")
    redeem_points(account=account, points=300, key="r", actor=SYSTEM, reference="BIG", order=order)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE loyalty_lot SET expires_at = now() - interval '1 day' WHERE points = 300")
    before = Account.objects.get(pk=account.pk).available

    # when five clients refund it in five parts in parallel, each part reported twice, and five workers process them
    def client(number: int) -> None:
        for _ in range(2):
            record_refund(
                order_number="BIG", number=f"part-{number}", source="storefront", amount=order.total // 5, actor=SYSTEM
            )
        for _ in range(3):
            deliver("loyalty.reverse_points")

    threads.storm(5, client)
    deliver_all()

    # then the order's points are gone once, and the 300 are back once, in reinstated lots
    order.refresh_from_db()
    assert order.refunded == order.total
    earned = Entry.objects.get(account=account, kind="earn").available
    taken = -sum(Entry.objects.filter(account=account, kind="clawback").values_list("available", flat=True))
    returned = sum(Entry.objects.filter(account=account, kind="return").values_list("available", flat=True))
    assert (taken, returned) == (earned, 300)
    assert sum(Lot.objects.filter(source="reinstated").values_list("points", flat=True)) == 300
    assert Account.objects.get(pk=account.pk).available == before - earned + 300
    assert reconcile_points().difference_count == 0
