"""Customers who enter a journey by segment and pass through it: entry, claims, five steps each.

Floor, in the same run: the same number of rows by one plain INSERT ... SELECT into a table with the runs' keys, and for
the steps one plain UPDATE of as many runs. `BENCH_JOURNEY_PEOPLE` sets the number of customers (20,000 by default;
1,000,000 for the full figure).
"""

from __future__ import annotations

import os
import time

from bench.common import report, segment_of, sql, timed, vacuum

PEOPLE = 20_000
STEPS = 5


def prepare(count: int):
    """Create `count` customers in one segment, and a journey that takes all of them."""
    from campaigns.journeys.models import Journey
    from campaigns.journeys.services.journeys import create_journey, publish_journey
    from campaigns.templates.services.templates import Text, save_template
    from core.base.actor import SYSTEM
    from crm.customers.models import Customer
    from crm.customers.services.setup import ensure_store

    ensure_store(name="Bench", currency="CNY", time_zone="Asia/Shanghai", country="CN", language="en")
    missing = count - Customer.objects.filter(source="bench-journeys").count()
    Customer.objects.bulk_create(
        (Customer(name=f"Walker {n}", source="bench-journeys", language="en") for n in range(max(missing, 0))),
        batch_size=5000,
    )
    segment = segment_of("bench-journeys", count)
    template = save_template(
        name=f"Bench {time.time_ns()}", channel="inbox", texts=[Text("en", "Hello", "Hi")], actor=SYSTEM
    )
    steps = [
        {"id": "s1", "kind": "tag", "action": "add", "tag": "bench"},
        {"id": "s2", "kind": "split", "split": [{"code": "a", "weight": 50}, {"code": "b", "weight": 50}]},
        {"id": "s3", "kind": "wait_until", "days": 0, "time": "10:00"},
        {"id": "s4", "kind": "message", "template": str(template.pk)},
        {"id": "s5", "kind": "exit"},
    ]
    draft = {"entry": {"kind": "segment", "segment": segment.pk, "members": True}, "steps": steps}
    journey = create_journey(name=f"Bench {time.time_ns()}", draft=draft, actor=SYSTEM)
    publish_journey(journey=journey, actor=SYSTEM)
    return Journey.objects.get(pk=journey.pk)


def floors(count: int) -> tuple[float, float]:
    """Return the rows a second of a plain INSERT and a plain UPDATE with the same keys."""
    sql("DROP TABLE IF EXISTS bench_run")
    sql("CREATE TABLE bench_run (LIKE campaigns_journeyrun INCLUDING ALL)")
    insert = timed(
        lambda: sql(
            """INSERT INTO bench_run (id, journey_id, version_id, customer_id, number, cause, state, step, context,
                                      waits_for, attempts, error, end_reason, entered_at, step_at, due_at)
               SELECT row_number() OVER (), 0, 0, id, 1, 'bench', 'active', 's1', '{}', '', 0, '', '', now(), now(),
                      now()
               FROM crm_customer WHERE source = 'bench-journeys' ORDER BY id LIMIT %s""",
            [count],
        )
    )
    update = timed(lambda: sql("UPDATE bench_run SET step = 's2', due_at = now(), step_at = now()"))
    sql("DROP TABLE bench_run")
    return count / insert, count / update


def run(count: int = 0) -> None:
    from campaigns.journeys.models import JourneyRun, JourneyStepRecord
    from campaigns.journeys.services.engine import advance_due, claim_runs
    from campaigns.journeys.services.entries import enter_members

    people = count or int(os.environ.get("BENCH_JOURNEY_PEOPLE", PEOPLE))
    journey = prepare(people)
    vacuum()
    insert_floor, update_floor = floors(people)
    seconds = timed(lambda: enter_members(journey=journey))
    assert JourneyRun.objects.filter(journey=journey).count() == people
    report("journeys_entered", people / seconds, "a second", insert_floor, extra={"people": people})
    vacuum()
    claimed = 0
    began = time.perf_counter()
    while claim_runs(journey_id=journey.pk, limit=2_000) is not None:
        claimed += 1
    report(
        "journeys_claimed", people / (time.perf_counter() - began), "a second", update_floor, extra={"chunks": claimed}
    )
    JourneyRun.objects.filter(journey=journey).update(claim=None, leased_until=None)
    vacuum()
    began = time.perf_counter()
    advance_due(seconds=3600)
    JourneyRun.objects.filter(journey=journey, state="active").update(due_at=journey.created_at)
    sql("UPDATE campaigns_journeyrun SET waits_until = due_at WHERE journey_id = %s AND state = 'active'", [journey.pk])
    advance_due(seconds=3600)
    seconds = time.perf_counter() - began
    assert JourneyRun.objects.filter(journey=journey, state="ended").count() == people
    assert JourneyStepRecord.objects.filter(run__journey=journey).count() == people * STEPS
    report("journeys_steps", people * STEPS / seconds, "a second", update_floor, extra={"seconds": round(seconds, 1)})
