"""Computation in concurrent parts: equal to one computation, all parts or none, and complete after a crash (F18)."""

from __future__ import annotations

from threading import Barrier

import pytest
from django.db import connection

from analytics.features.models import ChangedCustomer, CustomerFeature
from analytics.features.services import features, people
from analytics.features.services.features import mark_changed
from analytics.features.services.people import People
from analytics.segments.models import CustomerSegments, Segment, SegmentDay, SegmentLeaving
from analytics.segments.services import lists as segment_lists
from analytics.segments.services import runs as segment_runs
from analytics.segments.services import segments
from core.base.actor import SYSTEM
from core.db import shards
from core.db.shards import run_shards
from core.events.models import DomainEvent
from crm.customers.models import Customer
from tests.analytics.segments.test_faults import (
    check_intervals,
    feature_rows,
    from_nothing,
    group,
    leaf,
    make,
    open_members,
)
from tests.segments import put_in

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def in_three(settings, monkeypatch):
    settings.COMPUTE_SHARDS = 3
    monkeypatch.setattr(shards, "SHARDED_ABOVE", -2)
    monkeypatch.setattr(people, "CHANGES_SHARDED_ABOVE", 1)


@pytest.fixture
def shop(program, make_customer, make_order, settle) -> list[Customer]:
    """Create seven buyers who spent 1,000 to 7,000, and two prospects."""
    buyers = [make_customer() for _place in range(7)]
    for place, buyer in enumerate(buyers, 1):
        make_order(buyer, 1_000 * place)
    made = [*buyers, make_customer(), make_customer()]
    settle()
    return made


def test_the_parts_cover_every_customer_once(shop, in_three):
    parts = people.shards()
    with connection.cursor() as cursor:
        found = []
        for part in parts:
            cursor.execute(f"SELECT id FROM crm_customer WHERE id {part.test} ORDER BY id")
            found.append([row[0] for row in cursor.fetchall()])
    assert [len(ids) for ids in found] == [3, 3, 3]
    assert [pk for ids in found for pk in ids] == [customer.pk for customer in shop]


def test_a_shop_with_few_customers_is_one_part(shop):
    assert people.shards() == [people.EVERYONE]


def test_three_concurrent_parts_equal_one_computation(shop, in_three, settings):
    spenders = make("Spenders", leaf("net_spend", "gte", value=3_000))
    others = make("Others", leaf("in_segment", "has_not", values=[str(spenders.pk)]))
    features.refresh_everything()
    assert segment_runs.compute_segments() == []
    found = feature_rows(), open_members()
    sizes = dict(Segment.objects.values_list("name", "size"))
    assert sizes == {"Spenders": 5, "Others": 4}
    assert list(SegmentDay.objects.values_list("segment", "size", "entered_count").order_by("segment")) == [
        (spenders.pk, 5, 0),
        (others.pk, 4, 0),
    ]
    assert not DomainEvent.objects.filter(kind="analytics.segment_entered").exists(), "found inside is not entered"

    settings.COMPUTE_SHARDS = 1
    for model in (CustomerFeature, CustomerSegments, SegmentLeaving, SegmentDay):
        model.objects.all().delete()
    Segment.objects.update(first_computed_at=None, computed_version=0, size=0)
    features.refresh_everything()
    assert segment_runs.compute_segments() == []
    assert (feature_rows(), open_members()) == found
    assert dict(Segment.objects.values_list("name", "size")) == sizes


def test_moves_in_parts_each_have_an_event(shop, in_three):
    segment = make("Spenders", leaf("net_spend", "gte", value=3_000))
    features.refresh_everything()
    segment_runs.compute_segments()
    segments.update_segment(
        segment=segment, name="Spenders", rule=group("and", leaf("net_spend", "lte", value=4_000)), actor=SYSTEM
    )

    assert segment_runs.compute_segments() == []

    segment.refresh_from_db()
    assert (segment.size, len(open_members())) == (6, 6)
    moves = DomainEvent.objects.filter(kind__startswith="analytics.segment_").values_list("kind", "subject_id")
    people_of = [customer.pk for customer in shop]
    assert sorted(moves) == [
        *(("analytics.segment_entered", pk) for pk in [*people_of[:2], *people_of[7:]]),
        *(("analytics.segment_left", pk) for pk in people_of[4:7]),
    ]
    day = SegmentDay.objects.get(segment=segment)
    assert (day.size, day.entered_count, day.left_count) == (6, 4, 3)


def test_a_part_that_finished_before_the_others_failed_is_reused(shop, in_three):
    segment = make("Everyone")
    features.refresh_everything()
    put_in(segment, *shop[:2])

    assert segment_runs.compute_segments() == []

    segment.refresh_from_db()
    assert (segment.size, len(open_members()), SegmentLeaving.objects.count()) == (9, 9, 0)
    assert not DomainEvent.objects.filter(kind="analytics.segment_entered").exists()


def test_when_one_part_fails_none_is_kept(shop, in_three):
    started = Barrier(3)

    def rename(part: People) -> int:
        with connection.cursor() as cursor:
            cursor.execute(f"UPDATE crm_customer SET source = 'renamed' WHERE id {part.test}")
            started.wait()
            if part.test.startswith("BETWEEN"):
                cursor.execute("SELECT 1/0")
            return cursor.rowcount

    with pytest.raises(Exception, match="division by zero"):
        run_shards(people.shards(), rename)
    assert not Customer.objects.filter(source="renamed").exists()


def test_changes_in_three_concurrent_parts_equal_a_full_computation(shop, in_three, make_order, settle, settings):
    spenders = make("Spenders", leaf("net_spend", "gte", value=5_000))
    make("Others", leaf("in_segment", "has_not", values=[str(spenders.pk)]))
    kept = segment_lists.create_list(name="Kept", actor=SYSTEM)
    segment_lists.add_to_list(segment=kept, customer_ids=[customer.pk for customer in shop], actor=SYSTEM)
    features.refresh_everything()
    segment_runs.compute_segments()
    for customer in shop[:3]:
        make_order(customer, 9_000)
    settle()
    mark_changed([customer.pk for customer in shop])
    Customer.objects.filter(pk=shop[8].pk).update(state="erased")
    assert [share.of for share in people.shares()] == [3, 3, 3]

    assert segment_runs.refresh_changed() == 9

    assert not ChangedCustomer.objects.exists()
    assert dict(Segment.objects.values_list("name", "size")) == {"Spenders": 6, "Others": 2, "Kept": 8}
    assert check_intervals() == 9 + 3 + 9
    settings.COMPUTE_SHARDS = 1
    assert (feature_rows(), open_members()) == from_nothing()
