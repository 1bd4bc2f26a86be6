"""Test the engine: effects once per step, waits as rows, early exits (J4), versions (J8), pause and stop."""

from __future__ import annotations

from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from analytics.features.services.features import refresh_everything
from campaigns.coupons.models import CouponCode
from campaigns.journeys.models import Journey, JourneyRun, JourneyStepCount, JourneyStepRecord, JourneyVersion
from campaigns.journeys.registry import STEPS
from campaigns.journeys.selectors.runs import counts_of
from campaigns.journeys.services.engine import advance_claim, advance_due, claim_runs
from campaigns.journeys.services.entries import enter_by_call
from campaigns.journeys.services.journeys import (
    pause_journey,
    publish_journey,
    resume_journey,
    save_draft,
    stop_journey,
)
from campaigns.messages.models import Message
from campaigns.messages.services.messages import send_due
from core.base.actor import SYSTEM
from core.base.errors import Conflict
from core.events.models import DomainEvent
from core.webhooks.models import WebhookDelivery
from core.webhooks.services import create_endpoint
from crm.activity.services.activity import ActivityInput, record_activity
from crm.customers.models import CustomerTag
from crm.desk.models import Ticket
from loyalty.ledger.models import Account, Entry
from loyalty.ledger.services.enrolment import enrol_member
from tests.campaigns.journeys.conftest import ends, go, pass_time, way
from tests.segments import take_out

pytestmark = pytest.mark.django_db

RICH = {"op": "and", "children": [{"condition": "order_count", "operator": "gte", "value": 2}]}
WAIT = {"id": "w", "kind": "wait", "amount": 2, "unit": "days"}


def tag(own: str, name: str = "") -> dict:
    return {"id": own, "kind": "tag", "action": "add", "tag": name or own}


def send(journey, customer, key="k1"):
    answer, run = enter_by_call(journey=journey, customer=customer, key=key)
    assert answer == "entered", answer
    return run


def test_every_kind_of_step_does_its_work_once_and_the_way_is_kept(
    program, make_journey, make_customer, make_coupon, gift_template, open_policy
):
    ada, ben = make_customer("Ada Lovelace", language="en"), make_customer("Ben")
    enrol_member(customer=ada, program=program, actor=SYSTEM)
    coupon = make_coupon(name="Thanks")
    create_endpoint(url="https://example.com/hook", event_types=["journey.step_reached"])
    journey = make_journey([
        {"id": "s1", "kind": "tag", "action": "add", "tag": "in journey"},
        {"id": "s2", "kind": "points", "points": 50},
        {"id": "s3", "kind": "coupon", "coupon": coupon.pk},
        {"id": "s4", "kind": "message", "template": gift_template.pk},
        {"id": "s5", "kind": "ticket", "subject": "Call them", "text": "Ask how it went.", "priority": "3"},
        {"id": "s6", "kind": "webhook", "name": "welcomed"},
        {"id": "s7", "kind": "tag", "action": "remove", "tag": "in journey"},
        {"id": "s8", "kind": "exit"},
    ])  # fmt: skip
    first, second = send(journey, ada), send(journey, ben)
    assert go() == 16
    assert go() == 0, "nothing is due any more"
    assert way(first) == [
        ("s1", ""), ("s2", ""), ("s3", ""), ("s4", ""), ("s5", ""), ("s6", ""), ("s7", ""), ("s8", "exit"),
    ]  # fmt: skip
    assert way(second)[1] == ("s2", "not_member")
    assert ends() == {"exit": 2}
    account = Account.objects.get(member__customer=ada, point_type__spendable=True)
    assert account.available == 50
    assert Entry.objects.get(account=account).reference == f"journey:{journey.pk}"
    code = CouponCode.objects.get(customer=ada)
    assert code.issued_for == f"journey:{journey.pk}:run:{first.pk}:s3"
    assert CouponCode.objects.filter(customer=ben).count() == 1
    message = Message.objects.get(customer=ada)
    assert (message.origin, message.origin_version, message.step, message.occurrence) == (
        f"journey:{journey.pk}", 1, "s4", f"run:{first.pk}",
    )  # fmt: skip
    assert Ticket.objects.get(customer=ada).subject == "Call them"
    assert CustomerTag.objects.count() == 0, "put on and taken off again"
    assert DomainEvent.objects.filter(kind="campaigns.journey_step_reached", subject_id=ada.pk).count() == 1
    send_due()
    message.refresh_from_db()
    assert message.state == "sent"
    assert "-" in message.body.split()[-1], "the code that was given before is in the message"
    counts = {(c.step, c.outcome): c.count for c in JourneyStepCount.objects.all()}
    assert counts["entry", "active"] == 2
    assert counts["s2", ""] == counts["s2", "not_member"] == 1
    assert counts["end", "exit"] == counts["s8", "exit"] == 2


def test_the_webhook_of_a_step_reaches_its_listeners_once(make_journey, make_customer, settle):
    create_endpoint(url="https://example.com/hook", event_types=["journey.step_reached"])
    customer = make_customer()
    send(make_journey([{"id": "s1", "kind": "webhook", "name": "welcomed"}]), customer)
    go()
    settle()
    settle()
    delivery = WebhookDelivery.objects.get()
    assert f'"customer":"{customer.number}"' in delivery.body
    assert '"step":"welcomed"' in delivery.body


def test_a_wait_is_a_row_and_ends_at_its_time(make_journey, make_customer):
    run = send(make_journey([WAIT, tag("t")]), make_customer())
    assert go() == 0
    run.refresh_from_db()
    assert run.due_at - run.entered_at == timedelta(days=2)
    assert go(days=1, hours=23) == 0
    assert go(hours=1) == 2
    assert way(run) == [("w", ""), ("t", "")]


def test_waiting_for_a_time_of_day_uses_the_customers_zone(make_journey, make_customer):
    journey = make_journey([{"id": "w", "kind": "wait_until", "days": 1, "time": "10:00"}, tag("t")])
    there = make_customer(time_zone="America/New_York")
    run, other = send(journey, there), send(journey, make_customer())
    for one, zone in ((run, "America/New_York"), (other, "Asia/Shanghai")):
        one.refresh_from_db()
        local = one.due_at.astimezone(ZoneInfo(zone))
        assert (local.hour, local.minute) == (10, 0)
        assert timedelta(days=1) <= one.due_at - one.entered_at <= timedelta(days=2)


def test_a_wait_for_an_event_ends_with_it_or_with_its_time(make_journey, make_customer, make_order, settle):
    steps = [
        {"id": "w", "kind": "wait_event", "event": "crm.order_paid", "amount": 3, "unit": "days",
         "where": [{"field": "amount", "operator": "gte", "value": "5000"}],
         "arms": {"happened": [tag("bought")], "timeout": [tag("not")]}},
        tag("after"),
    ]  # fmt: skip
    journey = make_journey(steps)
    ada, ben, small = make_customer(), make_customer(), make_customer()
    runs = [send(journey, one) for one in (ada, ben, small)]
    go()
    make_order(ada, 9_000, paid_at=timezone.now())
    make_order(small, 1_000, paid_at=timezone.now())
    settle()
    go()
    assert way(runs[0]) == [("w", "happened"), ("bought", ""), ("after", "")]
    assert way(runs[2]) == [], "an order that is too small wakes and does not end the wait"
    runs[2].refresh_from_db()
    assert runs[2].due_at == runs[2].waits_until
    assert go(days=3) == 6
    assert way(runs[1]) == way(runs[2]) == [("w", "timeout"), ("not", ""), ("after", "")]


def test_an_event_before_the_wait_is_visible_ends_it(make_journey, make_customer, make_order):
    """The handler may run before the wait is committed: the engine checks once more under the claim."""
    journey = make_journey([
        {"id": "w", "kind": "wait_event", "event": "crm.order_paid", "amount": 3, "unit": "days"}
    ])  # fmt: skip
    customer = make_customer()
    run = send(journey, customer)
    make_order(customer, paid_at=timezone.now())
    go()
    assert way(run) == [("w", "happened")]


def test_activity_wakes_a_wait(make_journey, make_customer, settle):
    journey = make_journey([
        {"id": "w", "kind": "wait_event", "event": "activity:review", "amount": 3, "unit": "days"}
    ])  # fmt: skip
    customer = make_customer()
    run = send(journey, customer)
    go()
    item = ActivityInput("a1", "review", timezone.now(), customer_number=customer.number)
    record_activity(items=[item], source="storefront", actor=SYSTEM)
    settle()
    go()
    assert way(run) == [("w", "happened")]


def test_a_branch_uses_the_facts_and_a_split_the_hash(make_journey, make_customer, make_order, settle):
    ada, ben = make_customer(), make_customer()
    for _turn in range(2):
        make_order(ada)
    settle()
    refresh_everything()
    journey = make_journey([
        {"id": "b", "kind": "branch", "rule": RICH, "arms": {"yes": [tag("y")], "no": []}},
        {"id": "x", "kind": "split", "split": [{"code": "a", "label": "", "weight": 50},
                                               {"code": "b", "label": "", "weight": 50}],
         "arms": {"a": [tag("a")], "b": [tag("b2")]}},
        tag("end1"),
    ])  # fmt: skip
    first, second = send(journey, ada), send(journey, ben)
    go()
    assert way(first)[:2] == [("b", "yes"), ("y", "")]
    assert way(second)[0] == ("b", "no")
    for run in (first, second):
        assert way(run)[-1] == ("end1", ""), "arms meet again behind the branch"
        assert dict(way(run))["x"] in ("a", "b")


def test_a_customer_at_the_goal_leaves_before_the_next_step(make_journey, make_customer, make_order, settle):
    journey = make_journey([WAIT, tag("t")], goal={"event": "crm.order_paid"}, exit={"policy": "goal"})
    ada, ben = make_customer(), make_customer()
    run, other = send(journey, ada), send(journey, ben)
    make_order(ada, paid_at=timezone.now())
    settle()
    assert go() == 1, "the event woke the run: it need not wait for two days to be counted"
    run.refresh_from_db()
    assert (run.state, run.end_reason) == ("ended", "goal")
    assert way(run) == []
    go(days=2)
    assert way(other) == [("w", ""), ("t", "")]
    assert JourneyStepCount.objects.get(step="end", outcome="goal").count == 1


def test_unmatched_customers_leave_and_with_policy_never_all_stay(make_journey, make_customer, make_segment):
    ada, ben = make_customer(), make_customer()
    segment = make_segment(ada, ben)
    entry = {"kind": "api", "segment": segment.pk}
    strict = make_journey([WAIT, tag("t")], entry=entry, exit={"policy": "unmatched"})
    loose = make_journey([WAIT, tag("u")], entry=entry)
    runs = [send(journey, one) for journey in (strict, loose) for one in (ada, ben)]
    take_out(segment, ben)
    go(days=2)
    found = [JourneyRun.objects.get(pk=run.pk).end_reason for run in runs]
    assert found == ["completed", "unmatched", "completed", "completed"]
    assert set(CustomerTag.objects.filter(tag__name="t").values_list("customer_id", flat=True)) == {ada.pk}


def test_consent_segment_and_goal_are_checked_again_when_sending(
    make_journey, make_customer, make_segment, make_order, template, open_policy, settle
):
    left, bought, fine, stopped = (make_customer() for _ in range(4))
    segment = make_segment(left, bought, fine)
    journey = make_journey(
        [{"id": "m", "kind": "message", "template": template.pk}], entry={"kind": "api", "segment": segment.pk},
        goal={"event": "crm.order_paid"}, exit={"policy": "both"},
    )  # fmt: skip
    other = make_journey([{"id": "m", "kind": "message", "template": template.pk}])
    for one in (left, bought, fine):
        send(journey, one)
    send(other, stopped)
    go()
    assert Message.objects.filter(state="queued").count() == 4, "intended, and not sent yet"
    take_out(segment, left)
    make_order(bought, paid_at=timezone.now())
    pause_journey(journey=other, actor=SYSTEM)
    send_due()
    reasons = dict(Message.objects.values_list("customer_id", "reason"))
    assert reasons == {left.pk: "left_segment", bought.pk: "goal_reached", fine.pk: "", stopped.pk: "rule_paused"}
    assert Message.objects.get(customer=fine).state == "sent"


def test_a_run_stays_with_the_version_it_entered(make_journey, make_customer):
    journey = make_journey([WAIT, tag("old")])
    early = send(journey, make_customer())
    save_draft(journey=journey, draft={"entry": {"kind": "api"}, "steps": [tag("new")]}, actor=SYSTEM)
    go()
    assert publish_journey(journey=journey, actor=SYSTEM).number == 2
    late = send(Journey.objects.get(pk=journey.pk), make_customer())
    go(days=2)
    assert way(early) == [("w", ""), ("old", "")]
    assert way(late) == [("new", "")]
    assert (early.version.number, late.version.number) == (1, 2)
    with pytest.raises(Exception, match="Cannot update"), transaction.atomic():
        JourneyVersion.objects.filter(number=1).update(definition={})


def test_pausing_stops_claims_and_resuming_continues_at_the_same_steps(make_journey, make_customer):
    journey = make_journey([WAIT, tag("t")])
    run = send(journey, make_customer())
    pause_journey(journey=journey, actor=SYSTEM)
    assert go(days=2) == 0
    assert claim_runs(journey_id=journey.pk) is None
    with pytest.raises(Conflict, match="not running"):
        enter_by_call(journey=Journey.objects.get(pk=journey.pk), customer=make_customer(), key="k")
    resume_journey(journey=journey, actor=SYSTEM)
    assert go() == 2
    assert way(run) == [("w", ""), ("t", "")]


def test_a_pause_stops_a_chunk_in_progress(make_journey, make_customer):
    journey = make_journey([tag("one"), tag("two")])
    run = send(journey, make_customer())
    claim = claim_runs(journey_id=journey.pk)
    pause_journey(journey=journey, actor=SYSTEM)
    assert advance_claim(claim) == 0
    run.refresh_from_db()
    assert (run.claim, way(run)) == (None, [])


def test_stopping_ends_all_runs_and_returns_how_many(make_journey, make_customer):
    journey = make_journey([WAIT])
    for number in range(3):
        send(journey, make_customer(), f"k{number}")
    assert stop_journey(journey=journey, actor=SYSTEM) == 3
    assert ends() == {"stopped": 3}
    assert go(days=2) == 0
    assert JourneyStepCount.objects.get(step="end", outcome="stopped").count == 3


def test_an_expired_lease_lets_another_worker_continue(make_journey, make_customer):
    journey = make_journey([tag("one"), tag("two")])
    run = send(journey, make_customer())
    lost = claim_runs(journey_id=journey.pk)
    assert claim_runs(journey_id=journey.pk) is None, "its lease holds"
    JourneyRun.objects.update(leased_until=timezone.now() - timedelta(seconds=1))
    assert advance_due() == 2
    assert advance_claim(lost) == 0, "the first worker has lost it and does nothing more"
    assert way(run) == [("one", ""), ("two", "")]


def test_a_step_is_recorded_once_by_constraint_and_records_never_change(make_journey, make_customer):
    run = send(make_journey([tag("one")]), make_customer())
    go()
    with pytest.raises(IntegrityError), transaction.atomic():
        JourneyStepRecord.objects.create(run=run, step="one")
    with pytest.raises(Exception, match="Cannot update"), transaction.atomic():
        JourneyStepRecord.objects.update(outcome="x")


def test_one_run_that_fails_does_not_stop_the_others_and_gives_up_after_eight_times(
    make_journey, make_customer, monkeypatch
):
    journey = make_journey([tag("one"), tag("two")])
    good, bad = make_customer(), make_customer()
    runs = send(journey, good), send(journey, bad)
    kind = STEPS["tag"]
    honest = type(kind).act

    def act(self, batch):
        if bad.pk in batch.customers:
            raise RuntimeError("no such luck")
        return honest(self, batch)

    monkeypatch.setattr(type(kind), "act", act)
    go()
    assert way(runs[0]) == [("one", ""), ("two", "")]
    runs[1].refresh_from_db()
    assert (runs[1].attempts, runs[1].state, runs[1].claim) == (1, "active", None)
    assert "no such luck" in runs[1].error
    for _attempt in range(7):
        go(hours=2)
    runs[1].refresh_from_db()
    assert (runs[1].state, runs[1].end_reason) == ("ended", "failed")
    assert "no such luck" in runs[1].error
    assert CustomerTag.objects.filter(customer=bad).count() == 0


def test_an_erased_customer_leaves(make_journey, make_customer):
    customer = make_customer()
    run = send(make_journey([WAIT, tag("t")]), customer)
    type(customer).objects.filter(pk=customer.pk).update(state="erased")
    go(days=2)
    run.refresh_from_db()
    assert (run.end_reason, way(run)) == ("inactive", [])


def test_a_goal_step_ends_runs_that_reached_the_goal(make_journey, make_customer, make_order):
    journey = make_journey([WAIT, {"id": "g", "kind": "goal"}, tag("t")], goal={"event": "crm.order_paid"})
    ada, ben = make_customer(), make_customer()
    runs = send(journey, ada), send(journey, ben)
    make_order(ada, paid_at=timezone.now())
    go(days=2)
    assert way(runs[0]) == [("w", ""), ("g", "goal")]
    assert way(runs[1]) == [("w", ""), ("g", ""), ("t", "")]
    assert ends() == {"goal": 1, "completed": 1}


def test_the_number_of_statements_does_not_grow_with_the_chunk(make_journey, make_customer):
    """Steps of one kind are done together: fifty runs need as many statements as five."""
    costs = []
    for size in (5, 50):
        journey = make_journey([tag(f"one{size}"), WAIT])
        for number in range(size):
            send(journey, make_customer(), f"{size}-{number}")
        with CaptureQueriesContext(connection) as caught:
            assert go() == size
        moving = [query["sql"] for query in caught if "journeyrun" in query["sql"] or "tag" in query["sql"]]
        costs.append(len([sql for sql in moving if "campaigns_journeyversion" not in sql]))
        stop_journey(journey=journey, actor=SYSTEM)
    assert costs[0] == costs[1]


def test_customers_in_the_middle_are_counted_where_they_stand(make_journey, make_customer):
    journey = make_journey([tag("one"), WAIT, tag("two")])
    for number in range(3):
        send(journey, make_customer(), f"k{number}")
    go()
    pass_time(days=2)
    counts = counts_of(journey.version)
    assert counts.entered == 3
    assert counts.standing == {"w": 3}
    assert counts.done == {"one": {"": 3}}
    assert advance_due() == 6
    assert counts_of(journey.version).ended == {"completed": 3}
