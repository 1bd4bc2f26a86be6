"""Test entries: re-entry (J3), local dates once a year (J7), and a fixed holdout (X1)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from analytics.features.services.features import refresh_everything
from analytics.segments.models import Segment
from analytics.segments.services.runs import compute_segments
from analytics.segments.services.segments import create_segment
from campaigns.journeys.models import Journey, JourneyRun, JourneyStepCount
from campaigns.journeys.services import entries as journey_entries
from campaigns.journeys.services.entries import enter, enter_by_call, enter_due, hear, wanted
from campaigns.journeys.services.journeys import pause_journey, publish_journey, save_draft, stop_journey
from core.base.actor import SYSTEM
from core.events.bus import Event, emit
from core.events.models import DomainEvent
from crm.activity.services.activity import ActivityInput, record_activity
from crm.customers.models import Customer
from crm.customers.services.customers import update_customer
from crm.desk.events import TICKET_RATED
from loyalty.ledger.services.enrolment import enrol_member
from loyalty.program.models import Member
from tests.campaigns.conftest import policy
from tests.campaigns.journeys.conftest import go, pass_time
from tests.threads import at_once

pytestmark = pytest.mark.django_db
STEPS = [{"id": "t", "kind": "tag", "action": "add", "tag": "x"}]
LONG = [{"id": "w", "kind": "wait", "amount": 5, "unit": "weeks"}]


def call(journey, customer, key):
    return enter_by_call(journey=journey, customer=customer, key=key)[0]


def test_no_re_entry_is_the_default(make_journey, make_customer):
    journey, customer = make_journey(STEPS), make_customer()
    assert call(journey, customer, "1") == "entered"
    go()
    assert call(journey, customer, "2") == "refused"
    assert call(journey, customer, "1") == "repeated", "the same call is the same entering"
    assert JourneyRun.objects.count() == 1


def test_re_entry_on_every_match_is_one_run_at_a_time_and_once_per_cause(make_journey, make_customer):
    journey, customer = make_journey(LONG, reentry={"policy": "every"}), make_customer()
    assert call(journey, customer, "1") == "entered"
    assert call(journey, customer, "2") == "refused", "one run at a time"
    go(weeks=5)
    assert call(journey, customer, "3") == "entered"
    go(weeks=5)
    assert call(journey, customer, "3") == "repeated"
    assert list(JourneyRun.objects.order_by("number").values_list("number", "cause")) == [(1, "api:1"), (2, "api:3")]


def test_re_entry_after_a_number_of_days(make_journey, make_customer):
    journey, customer = make_journey(STEPS, reentry={"policy": "days", "value": 30}), make_customer()
    assert call(journey, customer, "1") == "entered"
    go()
    pass_time(days=29, hours=23)
    assert call(journey, customer, "2") == "refused"
    pass_time(hours=1)
    assert call(journey, customer, "2") == "entered"


def test_re_entry_at_most_a_number_of_times(make_journey, make_customer):
    journey, customer = make_journey(STEPS, reentry={"policy": "times", "value": 2}), make_customer()
    answers = []
    for key in "123":
        answers.append(call(journey, customer, key))
        go()
    assert answers == ["entered", "entered", "refused"]


def test_a_constraint_allows_one_active_run_per_customer_and_journey(make_journey, make_customer):
    journey, customer = make_journey(LONG), make_customer()
    call(journey, customer, "1")
    with pytest.raises(IntegrityError, match="one_active"), transaction.atomic():
        JourneyRun.objects.create(journey=journey, version=journey.version, customer=customer, number=2, cause="x")


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("again", [{"policy": "never"}, {"policy": "every"}, {"policy": "times", "value": 1}])
def test_concurrent_entries_of_one_customer_make_one_run(make_journey, make_customer, again):
    journey, customer = make_journey(LONG, reentry=again), make_customer()
    answers = at_once([partial(call, journey, customer, f"k{number}") for number in range(8)])
    assert sorted(answers) == ["entered", *["refused"] * 7]
    assert JourneyRun.objects.count() == 1
    assert JourneyStepCount.objects.get(step="entry").count == 1


def test_an_order_enters_once_when_its_event_is_repeated(make_journey, make_customer, make_order, settle):
    journey = make_journey(
        STEPS, reentry={"policy": "every"},
        entry={"kind": "event", "event": "crm.order_paid",
               "where": [{"field": "amount", "operator": "gte", "value": "5000"}]},
    )  # fmt: skip
    ada, ben = make_customer(), make_customer()
    make_order(ben, 100, paid_at=timezone.now())
    order = make_order(ada, 9_000, paid_at=timezone.now())
    settle()
    run = JourneyRun.objects.get()
    assert (run.customer, run.cause, run.context) == (ada, f"order:{order.pk}", {"order_id": order.pk})
    event = DomainEvent.objects.get(kind="crm.order_paid", subject_id=ada.pk)
    same = Event(event.pk, event.kind, event.subject_id, event.payload, event.occurred_at)
    go()
    for _time in range(3):
        hear(events=[same, same])
    assert JourneyRun.objects.count() == 1
    assert journey.state == "running"


def test_events_before_the_start_of_the_journey_enter_no_customer(make_journey, make_customer, make_order, settle):
    make_journey(STEPS, entry={"kind": "event", "event": "crm.order_paid"})
    make_order(make_customer(), days_ago=1)
    settle()
    assert not JourneyRun.objects.exists()


def test_activity_and_events_with_a_condition_enter_customers(make_journey, make_customer, settle):
    cart = make_journey(STEPS, entry={"kind": "event", "event": "activity:cart"})
    sad = make_journey(STEPS, entry={
        "kind": "event", "event": "crm.ticket_rated", "where": [{"field": "score", "operator": "lte", "value": "2"}],
    })  # fmt: skip
    for journey in (cart, sad):
        started(journey, timezone.now() - timedelta(hours=1))
    ada, ben = make_customer(), make_customer()
    items = [
        ActivityInput("1", "cart", timezone.now(), customer_number=ada.number),
        ActivityInput("2", "view", timezone.now(), customer_number=ben.number),
    ]
    record_activity(items=items, source="storefront", actor=SYSTEM)
    with transaction.atomic():
        for customer, score in ((ada, 5), (ben, 2)):
            emit(TICKET_RATED, subject_id=customer.pk, payload={"score": score})
    settle()
    found = set(JourneyRun.objects.values_list("journey_id", "customer_id"))
    assert found == {(cart.pk, ada.pk), (sad.pk, ben.pk)}


def test_only_events_that_a_journey_uses_are_queued_for_journeys(make_journey):
    assert not wanted("crm.order_paid")
    journey = make_journey(STEPS, entry={"kind": "event", "event": "crm.order_paid"})
    journey_entries.wanted_kinds.forget()
    assert wanted("crm.order_paid")
    assert wanted("crm.orders_imported"), "an import brings orders without an event each"
    assert not wanted("crm.ticket_rated")
    stop_journey(journey=journey, actor=SYSTEM)
    journey_entries.wanted_kinds.forget()
    assert not wanted("crm.order_paid")


def test_entering_a_segment_enters_customers_after_the_start(make_journey, make_customer, make_order, settle):
    rule = {"op": "and", "children": [{"condition": "order_count", "operator": "gte", "value": 1}]}
    segment = create_segment(name="Buyers", rule=rule, actor=SYSTEM)
    ada, ben = make_customer(), make_customer()
    make_order(ada)
    settle()
    refresh_everything()
    compute_segments([segment.pk])
    settle()
    # The test is one transaction, in which time stands still: let the journey start before it.
    started(make_journey(STEPS, entry={"kind": "segment", "segment": segment.pk}), timezone.now() - timedelta(hours=1))
    assert enter_due() == {}
    make_order(ben)
    settle()
    refresh_everything()
    compute_segments([segment.pk])
    settle()
    assert [run.customer for run in JourneyRun.objects.all()] == [ben], "who was in it before does not enter"


def test_members_of_the_segment_may_enter_from_the_start_in_chunks(
    make_journey, make_customer, make_segment, monkeypatch
):
    monkeypatch.setattr(journey_entries, "CHUNK", 2)
    people = [make_customer() for _ in range(5)]
    gone = people[2]
    segment = make_segment(*people)
    Customer.objects.filter(pk=gone.pk).update(state="erased")
    journey = make_journey(STEPS, entry={"kind": "segment", "segment": segment.pk, "members": True})
    assert journey.members_after == 0
    assert enter_due() == {journey.pk: 4}
    journey.refresh_from_db()
    assert journey.members_after is None
    assert enter_due() == {}
    assert set(JourneyRun.objects.values_list("customer_id", flat=True)) == {c.pk for c in people if c != gone}


def test_held_out_customers_stay_the_same_when_the_percentage_changes(make_journey, make_customer, make_segment):
    people = [make_customer() for _ in range(40)]
    segment = make_segment(*people)
    journey = make_journey(
        STEPS,
        entry={"kind": "segment", "segment": segment.pk, "members": True},
        holdout=50,
        reentry={"policy": "every"},
    )
    enter_due()
    held = set(JourneyRun.objects.filter(state="held_out").values_list("customer_id", flat=True))
    assert 5 < len(held) < 35
    go()
    save_draft(journey=journey, draft={**journey.draft, "holdout": 0}, actor=SYSTEM)
    publish_journey(journey=journey, actor=SYSTEM)
    pass_time(days=1)
    enter_due(now=timezone.now() + timedelta(days=1))
    again = set(JourneyRun.objects.filter(state="held_out", number=2).values_list("customer_id", flat=True))
    assert again == held, "the arm is kept from the first time on"


def births(journey: Journey) -> list[tuple[int, str]]:
    return list(JourneyRun.objects.filter(journey=journey).order_by("id").values_list("customer_id", "cause"))


def started(journey: Journey, at: datetime) -> Journey:
    Journey.objects.filter(pk=journey.pk).update(started_at=at)
    journey.refresh_from_db()
    return journey


BIRTHDAY = {"kind": "date", "date": "birthday", "days": 0, "time": "09:00"}


def test_a_birthday_is_a_local_day_once_a_year(make_journey, make_customer):
    journey = make_journey(STEPS, entry=BIRTHDAY, reentry={"policy": "every"})
    started(journey, datetime(2026, 1, 1, tzinfo=UTC))
    shanghai = make_customer(birthday="1990-06-15")
    york = make_customer(birthday="1990-06-15", time_zone="America/New_York")
    at = partial(datetime, 2026, 6, tzinfo=UTC)
    assert enter_due(now=at(15, 0, 59)) == {}, "08:59 in Shanghai"
    enter_due(now=at(15, 1, 0))
    assert births(journey) == [(shanghai.pk, "birthday:2026")]
    enter_due(now=at(15, 13, 0))
    assert births(journey) == [(shanghai.pk, "birthday:2026"), (york.pk, "birthday:2026")]
    go()
    update_customer(customer=shanghai, changes={"birthday": "1990-06-16"}, actor=SYSTEM)
    enter_due(now=at(16, 2, 0))
    assert len(births(journey)) == 2, "once a year, even when the date was edited"
    JourneyRun.objects.update(ended_at=datetime(2026, 6, 20, tzinfo=UTC))
    enter_due(now=datetime(2027, 6, 16, 2, tzinfo=UTC))
    assert births(journey)[2:] == [(shanghai.pk, "birthday:2027"), (york.pk, "birthday:2027")]


@pytest.mark.parametrize(("leap", "day"), [("02-28", 28), ("03-01", 1)])
def test_29_february_has_a_configured_day_in_other_years(make_journey, make_customer, leap, day):
    policy(leap_birthday=leap)
    journey = make_journey(STEPS, entry=BIRTHDAY, reentry={"policy": "every"})
    started(journey, datetime(2026, 1, 1, tzinfo=UTC))
    make_customer(birthday="1992-02-29")
    month = 2 if day == 28 else 3
    assert enter_due(now=datetime(2027, month, day, 0, 30, tzinfo=UTC)) == {}
    assert enter_due(now=datetime(2027, month, day, 1, 30, tzinfo=UTC)) == {journey.pk: 1}
    assert births(journey)[0][1] == "birthday:2027"


def test_member_days_start_in_the_second_year_and_may_come_days_ahead(program, make_journey, make_customer):
    entry = {"kind": "date", "date": "member_day", "days": 3, "time": "09:00"}
    journey = started(make_journey(STEPS, entry=entry, reentry={"policy": "every"}), datetime(2025, 1, 1, tzinfo=UTC))
    customer = make_customer()
    enrol_member(customer=customer, program=program, actor=SYSTEM)
    Member.objects.update(enrolled_at=datetime(2025, 6, 14, 17, tzinfo=UTC))  # 15 June in Shanghai
    assert enter_due(now=datetime(2025, 6, 12, 2, tzinfo=UTC)) == {}, "they have just joined"
    assert enter_due(now=datetime(2026, 6, 12, 0, 30, tzinfo=UTC)) == {}
    assert enter_due(now=datetime(2026, 6, 12, 2, tzinfo=UTC)) == {journey.pk: 1}
    assert births(journey) == [(customer.pk, "member_day:2026")]


def test_a_timetable_enters_the_segment_once_on_each_of_its_days(make_journey, make_customer, make_segment):
    segment = make_segment(make_customer(), make_customer())
    entry = {"kind": "schedule", "every": "week", "weekday": "2", "time": "10:00", "segment": segment.pk}
    journey = started(make_journey(STEPS, entry=entry, reentry={"policy": "every"}), datetime(2026, 6, 1, tzinfo=UTC))
    tuesday = datetime(2026, 6, 2, 2, 0, tzinfo=UTC)  # 10:00 in Shanghai
    assert enter_due(now=tuesday - timedelta(minutes=1)) == {}
    assert enter_due(now=tuesday) == {journey.pk: 2}
    JourneyRun.objects.update(state="ended", ended_at=tuesday, end_reason="completed")
    assert enter_due(now=tuesday + timedelta(minutes=1)) == {}
    assert enter_due(now=tuesday + timedelta(days=1)) == {}
    assert enter_due(now=tuesday + timedelta(days=7)) == {journey.pk: 2}
    assert set(JourneyRun.objects.values_list("cause", flat=True)) == {"schedule:2026-06-02", "schedule:2026-06-09"}


def test_a_paused_journey_has_no_entries_of_any_kind(make_journey, make_customer, make_segment):
    journey = make_journey(
        STEPS, entry={"kind": "segment", "segment": make_segment(make_customer()).pk, "members": True}
    )
    pause_journey(journey=journey, actor=SYSTEM)
    assert enter_due() == {}
    candidates = ("SELECT id, 'x'::text, now(), '{}'::jsonb FROM crm_customer", {})
    assert enter(journey=journey, candidates=candidates) == 0
    assert not JourneyRun.objects.exists()
    assert Segment.objects.count() == 1
