"""Test F2, F3 and F4 for journeys, with real processes and threads.

LIUKE_JOURNEY_RUNS sets how many runs go through while workers are killed (5,000 by default, 100,000 for the full
figure).
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from functools import partial

import psycopg
import pytest
from django.core.cache import cache
from django.db import connection, transaction
from django.utils import timezone

from campaigns.coupons.models import CouponCode
from campaigns.journeys.models import JourneyRun, JourneyStepCount, JourneyStepRecord
from campaigns.journeys.services.engine import advance_due
from campaigns.journeys.services.entries import enter, hear
from campaigns.journeys.tasks import advance_journeys, enter_journeys
from campaigns.messages.models import Message
from core.events import outbox
from core.events.bus import Event
from core.events.models import DomainEvent
from crm.customers.models import Customer, CustomerTag
from loyalty.ledger.models import Account, Entry
from loyalty.ledger.services.enrolment import enrol_many
from loyalty.ledger.services.reconciliation import find_differences
from tests.campaigns.journeys.conftest import pass_time
from tests.processes import this_database
from tests.threads import at_once

RUNS = int(os.environ.get("LIUKE_JOURNEY_RUNS", "5000"))
WORKERS, LEASE, CHUNK = 2, 2, 250
PAUSE_BETWEEN_KILLS = (0.8, 1.6) if RUNS < 20_000 else (2.0, 4.0)

pytestmark = pytest.mark.django_db(transaction=True)


def people(program, count: int) -> None:
    Customer.objects.bulk_create((Customer(name=f"P{n}", source="test") for n in range(count)), batch_size=5000)
    with transaction.atomic():
        ids = list(Customer.objects.order_by("pk").values_list("pk", flat=True))
        enrol_many(program=program, customer_ids=ids, since=[None] * len(ids))


def five_steps(coupon, template) -> list[dict]:
    return [
        {"id": "s1", "kind": "tag", "action": "add", "tag": "under way"},
        {"id": "s2", "kind": "split", "split": [{"code": "a", "weight": 50}, {"code": "b", "weight": 50}],
         "arms": {"a": [{"id": "s3", "kind": "points", "points": 7}],
                  "b": [{"id": "s4", "kind": "points", "points": 7}]}},
        {"id": "s5", "kind": "coupon", "coupon": coupon.pk},
        {"id": "s6", "kind": "message", "template": template.pk},
    ]  # fmt: skip


def start_worker() -> subprocess.Popen:
    command = [sys.executable, "-m", "tests.campaigns.journeys.worker", str(CHUNK), str(LEASE), "30"]
    return subprocess.Popen(command, env=this_database(), start_new_session=True)


def everyone_once(journey, count: int, kills: int) -> None:
    """Check that no customer is repeated or lost: every total is `count`, and no customer has two of anything."""
    assert JourneyRun.objects.filter(state="ended", end_reason="completed").count() == count, f"after {kills} kills"
    for step in ("s1", "s2", "s5", "s6"):
        assert JourneyStepRecord.objects.filter(step=step).count() == count, step
    assert JourneyStepRecord.objects.filter(step__in=["s3", "s4"]).count() == count
    assert Message.objects.filter(origin=f"journey:{journey.pk}").count() == count
    assert CouponCode.objects.count() == count
    assert CustomerTag.objects.count() == count
    assert Entry.objects.filter(reference=f"journey:{journey.pk}").count() == count
    accounts = Account.objects.filter(point_type__spendable=True)
    assert set(accounts.values_list("available", flat=True)) == {7}
    with connection.cursor() as cursor:
        cursor.execute("SELECT step, sum(count) FROM campaigns_journeystepcount GROUP BY 1")
        counts = {step: int(total) for step, total in cursor.fetchall()}
    assert counts["entry"] == counts["end"] == counts["s1"] == counts["s6"] == count
    assert counts["s3"] + counts["s4"] == count


def test_runs_complete_once_each_while_workers_are_killed(program, make_journey, make_coupon, gift_template):
    """Workers are killed -9 about every second, in every state of work; other workers take over their runs."""
    people(program, RUNS)
    journey = make_journey(five_steps(make_coupon(), gift_template))
    select = "SELECT id, 'api:' || id, clock_timestamp(), '{}'::jsonb FROM crm_customer"
    assert enter(journey=journey, candidates=(select, {})) == RUNS
    # One run is locked until a worker was killed, so that even a fast machine has work left.
    kept = psycopg.connect(this_database()["DATABASE_URL"])
    kept.execute("SELECT id FROM campaigns_journeyrun ORDER BY id LIMIT 1 FOR UPDATE")
    workers = [start_worker() for _ in range(WORKERS)]
    began = time.monotonic()
    kills, until = 0, began + 50 + RUNS / 200
    try:
        time.sleep(1.5)
        while time.monotonic() < until and JourneyRun.objects.filter(state="active").exists():
            time.sleep(random.uniform(*PAUSE_BETWEEN_KILLS))
            victim = random.randrange(WORKERS)
            if workers[victim].poll() is None:
                os.kill(workers[victim].pid, signal.SIGKILL)
                workers[victim].wait()
                kills += 1
                kept.close()
            workers[victim] = start_worker()
            # Let one worker live long enough to start: a machine under load needs seconds for it.
            time.sleep(1.5)
    finally:
        kept.close()
        for worker in workers:
            worker.kill()
            worker.wait()
    print(f"{RUNS} runs, {kills} workers killed, {time.monotonic() - began:.0f} s")
    assert kills >= 1
    everyone_once(journey, RUNS, kills)
    assert find_differences()[2] == []


def test_tasks_run_three_times_at_once_and_late_have_one_effect(
    program, make_journey, make_coupon, gift_template, make_order
):
    """Each event is delivered three times, each task runs on three workers at once, and again an hour late (F3)."""
    people(program, 60)
    steps = five_steps(make_coupon(), gift_template)
    journey = make_journey(steps, entry={"kind": "event", "event": "crm.order_paid"}, reentry={"policy": "every"})
    for customer in Customer.objects.all():
        make_order(customer, paid_at=timezone.now())
    rows = DomainEvent.objects.filter(kind="crm.order_paid")
    events = [Event(row.pk, row.kind, row.subject_id, row.payload, row.occurred_at) for row in rows]
    for _round in range(2):
        answers = at_once(
            [partial(hear, events=events), partial(hear, events=events[::-1]), partial(hear, events=events)]
        )
        assert not [answer for answer in answers if isinstance(answer, Exception)]
        answers = at_once([advance_journeys, advance_journeys, advance_journeys])
        assert not [answer for answer in answers if isinstance(answer, Exception)]
        pass_time(hours=1)
    hear(events=random.sample(events, len(events)))
    advance_journeys()
    everyone_once(journey, 60, 0)


def test_nothing_is_lost_when_redis_fails_in_the_middle(
    program, make_journey, make_coupon, gift_template, make_order, monkeypatch
):
    """Redis is flushed and then away while events and tasks are queued: rows hold the pending work for the schedule
    (F4).
    """
    people(program, 20)
    journey = make_journey(five_steps(make_coupon(), gift_template), entry={"kind": "event", "event": "crm.order_paid"})
    everyone = list(Customer.objects.all())
    for customer in everyone[:10]:
        make_order(customer, paid_at=timezone.now())
    cache.clear()

    def away(*_args, **_kwargs):
        raise ConnectionError("Redis is away")

    with monkeypatch.context() as patched:
        patched.setattr("core.jobs.queueing.cache.add", away)
        patched.setattr("campaigns.journeys.tasks.advance_journeys.apply_async", away)
        patched.setattr("celery.current_app.send_task", away)
        for customer in everyone[10:]:
            make_order(customer, paid_at=timezone.now())
        enter_journeys()
    # Redis is back and empty, so no worker was notified. The scheduled sweeps read the rows.
    cache.clear()
    assert "campaigns.journeys" in outbox.owed_handlers()
    assert outbox.deliver("campaigns.journeys") == 20
    assert advance_due() > 0
    everyone_once(journey, 20, 0)
    assert JourneyStepCount.objects.get(step="entry").count == 20
