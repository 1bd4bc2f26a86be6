"""Computations killed at each step or run concurrently (F18), and incremental results equal to full ones (F19)."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import connection, transaction
from django.utils import timezone

from analytics.features.models import ChangedCustomer, CustomerFeature
from analytics.features.services import features, people
from analytics.features.services.features import mark_changed
from analytics.segments.models import Segment, SegmentDay, SegmentMembership
from analytics.segments.services import lists as segment_lists
from analytics.segments.services import runs as segment_runs
from analytics.segments.services import segments
from campaigns.messages.services.suppressions import lift_suppression, suppress_customer
from core.base import clock
from core.base.actor import SYSTEM
from core.events.models import DomainEvent
from crm.activity.models import ActivityKind
from crm.activity.services.activity import ActivityInput, record_activity
from crm.customers.models import Customer, Tag
from crm.customers.services.consents import record_consent
from crm.customers.services.customers import add_tag, remove_tag, update_customer
from crm.desk.services import open_ticket
from crm.orders.services.refunds import record_refund
from tests.processes import this_database
from tests.segments import empty

ROOT = Path(__file__).resolve().parents[3]
# A thousand batches take minutes: F19_BATCHES=1000.
BATCHES = int(os.environ.get("F19_BATCHES", "200"))
EVERYONE = {"op": "and", "children": []}


def leaf(condition: str, operator: str, **values) -> dict:
    return {"condition": condition, "operator": operator, **values}


def group(op: str, *children: dict) -> dict:
    return {"op": op, "children": list(children)}


def make(name: str, *children: dict, op: str = "and") -> Segment:
    return segments.create_segment(name=name, rule=group(op, *children), actor=SYSTEM)


def open_members() -> set[tuple[int, int]]:
    return set(SegmentMembership.objects.filter(left_at=None).values_list("segment_id", "customer_id"))


def from_nothing() -> tuple[list[tuple], set[tuple[int, int]]]:
    """Return features and memberships after a full computation, which must change nothing when it is repeated."""
    with transaction.atomic():
        CustomerFeature.objects.all().delete()
        empty(*Segment.objects.exclude(kind="static").values_list("pk", flat=True))
        features.compute_features(as_of=clock.now(), people=people.EVERYONE, cuts=features.newest_model())
        assert segment_runs.compute_segments() == []
        found = feature_rows(), open_members()
        transaction.set_rollback(True)
    return found


def feature_rows() -> list[tuple]:
    with connection.cursor() as cursor:
        cursor.execute(
            f"""SELECT customer_id, {", ".join((*features._COLUMNS, *features._SCORES))}
                FROM analytics_customerfeature ORDER BY customer_id"""
        )
        return cursor.fetchall()


def check_intervals() -> int:
    """Check that intervals do not overlap, that sizes and days add up, and that moves have events.

    Moves of the first computation have no event. Returns the number of intervals.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT count(*) FROM analytics_segmentmembership a JOIN analytics_segmentmembership b
                   ON b.segment_id = a.segment_id AND b.customer_id = a.customer_id AND b.entered_at > a.entered_at
                   AND tstzrange(a.entered_at, a.left_at) && tstzrange(b.entered_at, b.left_at)"""
        )
        assert cursor.fetchone() == (0,)
        cursor.execute(
            """SELECT count(*), count(left_at), count(*) FILTER (WHERE m.entered_at > s.first_computed_at)
               FROM analytics_segmentmembership m JOIN analytics_segment s ON s.id = m.segment_id"""
        )
        intervals, closed, entered = cursor.fetchone()
    told: Counter[str] = Counter()
    for kind, payload in DomainEvent.objects.filter(kind__startswith="analytics.segment_").values_list(
        "kind", "payload"
    ):
        told[kind] += len(payload["segments"])
    assert (told["analytics.segment_entered"], told["analytics.segment_left"]) == (entered, closed)
    for segment in Segment.objects.all():
        rows = SegmentMembership.objects.filter(segment=segment)
        days = list(SegmentDay.objects.filter(segment=segment).order_by("day"))
        assert segment.size == rows.filter(left_at=None).count()
        assert sum(day.entered_count for day in days) == rows.filter(entered_at__gt=segment.first_computed_at).count()
        assert sum(day.left_count for day in days) == rows.filter(left_at__isnull=False).count()
        assert not days or days[-1].size == segment.size
    return intervals


@pytest.fixture
def tagged(transactional_db, program, make_customer, settle) -> set[str]:
    """Create twenty customers, a tag, and segments in three layers that use it. Returns the names of the segments."""
    people = [make_customer() for _place in range(20)]
    tag = add_tag(customer=people[0], name="vip", actor=SYSTEM)
    settle()
    vip = make("Tagged", leaf("tags", "has", values=[str(tag.pk)]))
    others = make("Others", leaf("in_segment", "has_not", values=[str(vip.pk)]))
    make("All together", leaf("in_segment", "has", values=[str(vip.pk), str(others.pk)]))
    make("Some of them", leaf("in_segment", "has", values=[str(vip.pk)]), leaf("sample", "has", percent=50, draw="x"))
    return {"Tagged", "Others", "All together", "Some of them"}


def run(what: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "tests.analytics.segments.kill", what],
        cwd=ROOT, env=this_database(), capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return done.stdout


@pytest.mark.parametrize("what", ["killed", "together"])
def test_runs_that_are_killed_or_concurrent_keep_memberships_consistent(tagged, what):
    output = run(what)
    if what == "killed":
        assert int(output.split()[-1]) > 40, "each statement was a place to die"
    assert not ChangedCustomer.objects.exists()
    wanted = from_nothing()
    assert (feature_rows(), open_members()) == wanted
    assert {row.name for row in Segment.objects.filter(error="")} == tagged
    assert check_intervals() > 60
    assert Segment.objects.get(name="All together").size == 20


@pytest.mark.django_db(transaction=True)
def test_incremental_batches_equal_a_full_computation(program, make_customer, make_order, settle):
    dice = random.Random(19)
    people = [make_customer() for _place in range(15)]
    tag = str(add_tag(customer=people[0], name="vip", actor=SYSTEM).pk)
    for place, person in enumerate(people[:6]):
        make_order(person, 1_000 + place, number=f"base-{place}", category="Tea", days_ago=200)
    ActivityKind.objects.get_or_create(code="view", defaults={"builtin": True})
    guests = segment_lists.create_list(name="Guests", actor=SYSTEM)
    rich = make("Rich", leaf("net_spend", "gte", value=60_000))
    tagged = make(
        "Tagged", leaf("tags", "has", values=[tag]), leaf("in_segment", "has", values=[str(guests.pk)]), op="or"
    )
    make(
        "Of both", leaf("in_segment", "has", values=[str(rich.pk)]), leaf("in_segment", "has", values=[str(tagged.pk)])
    )
    make("Buyers of tea", leaf("bought_category", "has", values=["Tea"], times=2, days=365))
    make(
        "Lookers",
        leaf("did", "has", kind="view", times=2, days=30, where=[{"property": "n", "sign": "gte", "value": "3"}]),
    )
    make("No tea", leaf("bought_category", "has_not", values=["Tea"], times=1, days=90))
    make("May be written to", leaf("consent", "has", channel="email", purpose="marketing"))
    make("Lapsing", leaf("stage", "in", values=["at_risk", "lapsed", "lost"]))
    make("Members", leaf("tier", "gte", value="1"), leaf("points_available", "gte", value=100))
    make("Open", leaf("open_ticket", "yes"))
    make("Lot", leaf("sample", "has", percent=40, draw="a"), group("not", leaf("is_member", "yes")))
    make("Women abroad", leaf("gender", "in", values=["female"]), leaf("order_count", "gte", value=1))
    settle()
    features.refresh_everything()
    segment_runs.compute_segments()
    numbers: list[str] = []
    suppressed: list = []

    def order(person: Customer, key: str) -> None:
        make_order(
            person, dice.randint(100, 90_000), number=key, days_ago=dice.randint(0, 400), sku=f"S{dice.randint(1, 5)}",
            category=dice.choice(["", "Tea", "Coffee"]), channel=dice.choice(["", "web", "app"]),
        )  # fmt: skip
        numbers.append(key)

    def refund(_person: Customer, key: str) -> None:
        if numbers:
            number, amount = numbers.pop(dice.randrange(len(numbers))), dice.choice([None, 50])
            record_refund(order_number=number, number=key, source="storefront", amount=amount, actor=SYSTEM)

    def activity(person: Customer, key: str) -> None:
        at, n = timezone.now() - timedelta(days=dice.randint(0, 60)), {"n": dice.randint(1, 5)}
        item = ActivityInput(key, dice.choice(["view", "cart"]), at, customer_number=person.number, properties=n)
        record_activity(items=[item], source="storefront", actor=SYSTEM)

    def tags(person: Customer, _key: str) -> None:
        if not remove_tag(customer=person, tag=Tag.objects.get(pk=tag), actor=SYSTEM):
            add_tag(customer=person, name="vip", actor=SYSTEM)

    def consent(person: Customer, _key: str) -> None:
        decision, channel = dice.choice(["granted", "withdrawn"]), dice.choice(["email", "inbox"])
        record_consent(
            customer=person, channel=channel, purpose="marketing", decision=decision, source="test", actor=SYSTEM
        )

    def suppression(person: Customer, _key: str) -> None:
        if suppressed and dice.random() < 0.5:
            lift_suppression(suppression=suppressed.pop(), actor=SYSTEM)
        else:
            suppressed.append(suppress_customer(customer=person, channel="inbox", reason="manual", actor=SYSTEM))

    def profile(person: Customer, _key: str) -> None:
        update_customer(customer=person, changes={"gender": dice.choice(["female", "male", ""])}, actor=SYSTEM)

    def listed(person: Customer, _key: str) -> None:
        change = dice.choice([segment_lists.add_to_list, segment_lists.remove_from_list])
        change(segment=guests, customer_ids=[person.pk], actor=SYSTEM)

    def ticket(person: Customer, key: str) -> None:
        if dice.random() < 0.2:
            open_ticket(customer=person, subject=key, text="?", actor=SYSTEM)

    def newcomer(_person: Customer, _key: str) -> None:
        if len(people) < 40 and dice.random() < 0.2:
            people.append(make_customer(email=f"new{len(people)}@example.com"))

    happenings = [
        order,
        order,
        order,
        refund,
        activity,
        activity,
        tags,
        consent,
        suppression,
        profile,
        listed,
        ticket,
        newcomer,
    ]
    for batch in range(BATCHES):
        for step in range(dice.randint(1, 5)):
            dice.choice(happenings)(dice.choice(people), f"h-{batch}-{step}")
        settle()
        segment_runs.refresh_changed()
        if batch % 100 == 99 or batch == BATCHES - 1:
            wanted = from_nothing()
            assert feature_rows() == wanted[0]
            assert open_members() == wanted[1]
            check_intervals()
    assert len(feature_rows()) == len(people)
    used = set(SegmentMembership.objects.values_list("segment__name", flat=True))
    assert used == set(Segment.objects.values_list("name", flat=True)), "each segment was put to use"


@pytest.mark.django_db
def test_a_failing_segment_is_shown_retried_and_stops_no_other(client, staff, program, make_customer, settle):
    from django.urls import reverse

    from core.security.roles import Role

    make_customer()
    settle()
    good, bad = make("Good"), make("Bad", leaf("order_count", "eq", value=0))
    top = make("Made of it", leaf("in_segment", "has", values=[str(bad.pk)]))
    segment_runs.refresh_changed()
    assert segment_runs.compute_segments() == []
    whole = Segment.objects.get(pk=bad.pk).rule
    for broken in (leaf("gone", "is"), leaf("order_count", "eq", value="x"), leaf("tier", "gte", value="x")):
        Segment.objects.filter(pk=bad.pk).update(rule=group("and", broken))
        customer = make_customer()
        settle()
        assert segment_runs.refresh_changed() == 1
        bad.refresh_from_db()
        good.refresh_from_db()
        assert bad.error, broken
        assert good.error == ""
        assert (good.pk, customer.pk) in open_members(), "the others are carried on"
        assert bad.pk in segment_runs.due_segments(), "it is tried again"
        again = make_customer()
        settle()
        segment_runs.refresh_changed()
        assert (good.pk, again.pk) in open_members(), "and the next ones too"
        client.force_login(staff(Role.MARKETER))
        assert "Failing" in client.get(reverse("segments")).content.decode()
        assert "The last computation failed" in client.get(reverse("segment", args=[bad.pk])).content.decode()
        Segment.objects.filter(pk=bad.pk).update(rule=whole)
        assert segment_runs.compute_segments(segment_runs.due_segments()) == []
        bad.refresh_from_db()
        top.refresh_from_db()
        assert (bad.error, bad.size, top.size) == ("", Customer.objects.count(), Customer.objects.count())


@pytest.mark.django_db
def test_a_mark_during_a_refresh_is_not_lost(program, make_customer, settle):
    """A customer who is marked during a refresh is marked again."""
    customer = make_customer()
    settle()
    assert segment_runs.refresh_changed() == 1
    mark_changed([customer.pk])
    mark_changed([customer.pk])
    assert segment_runs.refresh_changed() == 1
    assert segment_runs.refresh_changed() == 0
