"""Memberships: one row per customer, past memberships as intervals, and one event per move (S1, S2)."""

from __future__ import annotations

import json
from collections import defaultdict
from datetime import UTC, datetime, timedelta

import pytest
from django.db import transaction
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.segments.models import CustomerSegments, Segment, SegmentDay, SegmentMembership
from analytics.segments.selectors import members, segments_of, since_when
from analytics.segments.services import memberships, segments
from analytics.segments.services import runs as segment_runs
from analytics.segments.services.lists import add_to_list, create_list
from core.base import clock
from core.base.actor import SYSTEM
from core.events.bus import TYPES, Event
from core.events.models import DomainEvent
from core.webhooks.registry import PUBLIC
from crm.customers.models import Customer
from tests.analytics.segments.test_faults import group, leaf, make
from tests.segments import put_in

pytestmark = pytest.mark.django_db
START = datetime(2026, 1, 1, tzinfo=UTC)


def inside() -> dict[int, list[int]]:
    return dict(CustomerSegments.objects.values_list("customer_id", "inside"))


def moves_of(kind: str) -> list[tuple[int | None, dict]]:
    return list(DomainEvent.objects.filter(kind=kind).order_by("pk").values_list("subject_id", "payload"))


moved = st.lists(
    st.tuples(st.integers(0, 3), st.sets(st.integers(0, 5)), st.sets(st.integers(0, 5))), min_size=1, max_size=8
)


@settings(max_examples=60, deadline=None)
@given(refreshes=st.lists(moved, min_size=1, max_size=6))
def test_intervals_equal_those_of_a_reference_implementation(refreshes):
    """Each refresh adds and removes segments of some customers. Customers that are already in, or already out, do not
    move.
    """
    with transaction.atomic():
        people = Customer.objects.bulk_create(Customer(name=f"P{n}", source="test") for n in range(4))
        made = [Segment.objects.create(name=f"S{n}", first_computed_at=START) for n in range(6)]
        open_since: dict[tuple[int, int], datetime] = {}
        closed: list[tuple[int, int, datetime, datetime]] = []
        events = defaultdict(int)
        for turn, wishes in enumerate(refreshes, 1):
            at = START + timedelta(days=turn)
            rows = []
            for place, come, gone in {place: (place, come, gone) for place, come, gone in wishes}.values():
                person = people[place].pk
                came = sorted(made[n].pk for n in come if (person, made[n].pk) not in open_since)
                went = sorted(made[n].pk for n in gone - come if (person, made[n].pk) in open_since)
                rows += [(person, came, went)] if came or went else []
                events["entered"] += len(came)
                events["left"] += len(went)
                closed += [(segment, person, open_since.pop((person, segment)), at) for segment in went]
                open_since |= {(person, segment): at for segment in came}
            memberships.move(
                """SELECT customer, ARRAY(SELECT jsonb_array_elements_text(come)::bigint),
                          ARRAY(SELECT jsonb_array_elements_text(gone)::bigint)
                   FROM jsonb_to_recordset(%s::jsonb) AS given(customer bigint, come jsonb, gone jsonb)""",
                [_json(rows)],
                at=at,
            )  # fmt: skip

        found = SegmentMembership.objects.values_list("segment_id", "customer_id", "entered_at", "left_at")
        assert sorted(row for row in found if row[3]) == sorted(closed)
        assert {(row[1], row[0]): row[2] for row in found if row[3] is None} == open_since
        assert all(held == sorted(set(held)) for held in inside().values())
        for segment in made:
            segment.refresh_from_db()
            assert segment.size == sum(1 for _person, pk in open_since if pk == segment.pk)
        assert (
            sum(len(payload["segments"]) for _who, payload in moves_of("analytics.segment_entered"))
            == events["entered"]
        )
        assert sum(len(payload["segments"]) for _who, payload in moves_of("analytics.segment_left")) == events["left"]
        transaction.set_rollback(True)


def _json(rows: list[tuple[int, list[int], list[int]]]) -> str:
    return json.dumps([{"customer": person, "come": come, "gone": gone} for person, come, gone in rows])


def test_one_computation_emits_one_event_per_customer_with_all_segments(program, make_customer, make_order, settle):
    # given two segments without members, and one with customers who have never ordered
    customer, other = make_customer("Ann"), make_customer("Bob")
    settle()
    segment_runs.refresh_changed()
    buyers = make("Buyers", leaf("order_count", "gte", value=1))
    rich = make("Rich", leaf("net_spend", "gte", value=500))
    fresh = make("Not yet", leaf("order_count", "lte", value=0))
    assert segment_runs.compute_segments() == []
    assert moves_of("analytics.segment_entered") == [], "the first computation emits no entered events"
    # when one of the customers orders
    make_order(customer, 900)
    settle()
    segment_runs.refresh_changed()
    # then there is one event for entering and one for leaving
    names = {"segments": [buyers.pk, rich.pk], "names": ["Buyers", "Rich"]}
    assert moves_of("analytics.segment_entered") == [(customer.pk, names)]
    assert moves_of("analytics.segment_left") == [(customer.pk, {"segments": [fresh.pk], "names": ["Not yet"]})]
    assert inside() == {customer.pk: [buyers.pk, rich.pk], other.pk: [fresh.pk]}
    assert [row.segment.name for row in segments_of(customer)] == ["Buyers", "Rich"]
    assert since_when(fresh, customer) is None
    # and the timeline and the webhooks name the segments
    event = DomainEvent.objects.get(kind="analytics.segment_entered")
    assert TYPES[event.kind].describe(event.payload) == "Buyers, Rich"
    sent = PUBLIC["segment.entered"].build(
        [Event(event.pk, event.kind, event.subject_id, event.payload, event.occurred_at)]
    )
    assert sent == [
        {
            "customer": customer.number,
            "segments": [{"segment": buyers.pk, "name": "Buyers"}, {"segment": rich.pk, "name": "Rich"}],
        }
    ]


def test_a_segment_may_use_a_newer_segment(program, make_customer, settle):
    # given an older segment whose rule uses a newer segment
    guest, plain = make_customer("Guest"), make_customer("Plain")
    settle()
    segment_runs.refresh_changed()
    older = make("Older")
    guests = create_list(name="Guests", actor=SYSTEM)
    add_to_list(segment=guests, customer_ids=[guest.pk], actor=SYSTEM)
    younger = make("Younger", leaf("in_segment", "has", values=[str(guests.pk)]))
    segments.update_segment(
        segment=older,
        name="Older",
        rule=group("and", leaf("in_segment", "has_not", values=[str(younger.pk)])),
        actor=SYSTEM,
    )
    # when both are computed at once, then again, and with a third segment without members
    for _turn in range(2):
        assert segment_runs.compute_segments() == []
        assert inside() == {guest.pk: [guests.pk, younger.pk], plain.pk: [older.pk]}
    third = make_customer("Third")
    settle()
    segment_runs.refresh_changed()
    assert inside()[third.pk] == [older.pk]
    assert moves_of("analytics.segment_left") == []
    assert moves_of("analytics.segment_entered") == [
        (guest.pk, {"segments": [guests.pk], "names": ["Guests"]}),
        (third.pk, {"segments": [older.pk], "names": ["Older"]}),
    ]


def test_a_new_segment_keeps_the_entry_times_of_the_others(program, make_customer, settle):
    customer = make_customer()
    settle()
    segment_runs.refresh_changed()
    first = make("First")
    assert segment_runs.compute_segments([first.pk]) == []
    since = since_when(first, customer)
    second = make("Second")
    assert segment_runs.compute_segments([second.pk]) == []
    assert since_when(first, customer) == since
    assert since_when(second, customer) > since
    sizes = SegmentDay.objects.order_by("segment").values_list("segment", "size", "entered_count", "left_count")
    assert list(sizes) == [(first.pk, 1, 0, 0), (second.pk, 1, 0, 0)]


def test_members_with_equal_entry_times_are_paged_once_each(api, store):
    # given 1,300 customers who were all found at the same time
    people = Customer.objects.bulk_create(Customer(name=f"P{n}", number=f"Q{n}", source="test") for n in range(1_300))
    segment = make("Many")
    put_in(segment, *people, at=clock.now())
    assert members(segment).count() == 1_300
    # when a storefront pages through them
    path, seen, pages = f"/api/v1/segments/{segment.pk}/members?limit=500", [], 0
    while path:
        body = api.get(path).json()
        seen += [row["customer"] for row in body["results"]]
        path, pages = body["next"], pages + 1
    # then each customer appears once, in three pages, and the previous pages can be reached
    assert pages == 3
    assert seen == [person.number for person in reversed(people)]
    assert body["previous"] is not None
    assert api.get(f"/api/v1/segments/{segment.pk}/members?cursor=broken").status_code == 400
