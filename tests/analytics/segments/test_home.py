"""Figures of analytics on the home pages: stages, overview, moves of segments, freshness."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from analytics.features.models import ChangedCustomer, ComputationState, CustomerFeature
from analytics.features.selectors import freshness, overview
from analytics.segments.console.home import parts_of
from analytics.segments.models import SegmentDay
from analytics.segments.selectors import biggest_moves
from analytics.segments.services.segments import create_segment
from core.base.actor import SYSTEM
from core.base.zones import shop_day
from core.console import kept
from core.security.roles import Role
from crm.customers.models import Customer

pytestmark = pytest.mark.django_db
RULE = {"op": "and", "children": [{"condition": "order_count", "operator": "gte", "value": 1}]}


@pytest.fixture
def now():
    return timezone.now()


@pytest.fixture
def shop(store, make_customer, now):
    """Give the shop active, at-risk and prospective customers, one merged into a customer that has no stage yet."""
    for stage, orders in (("active", 2), ("active", 1), ("at_risk", 3), ("prospect", 0), ("lost", 5)):
        CustomerFeature.objects.update_or_create(
            customer=make_customer(), defaults={"stage": stage, "order_count": orders, "as_of": now}
        )
    Customer.objects.filter(features__stage="lost").update(state="merged", merged_into=make_customer())


def test_the_overview_counts_active_customers_by_stage(shop):
    figures = overview()
    assert (figures["customers"], figures["buyers"], figures["repeat"]) == (5, 3, 2)
    assert figures["stages"] == {
        "prospect": 1, "new": 0, "active": 2, "at_risk": 1, "lapsed": 0, "lost": 0, "won_back": 0,
    }  # fmt: skip


def test_the_analyst_sees_the_overview(client, staff, shop):
    kept.keep(["analytics.overview"])
    client.force_login(staff(Role.ANALYST))
    page = client.get("/").content.decode()
    assert "66.7%" in page
    assert "2 ordered more than once" in page
    assert 'href="/customers/?stage=at_risk"' in page


def test_the_parts_of_the_bar_fill_it_and_none_is_too_narrow_to_click():
    parts = parts_of({"active": 9_999, "lost": 1})
    assert [(part.code, part.count, part.share) for part in parts if part.count != "0"] == [
        ("active", "9,999", "100%"),
        ("lost", "1", "0%"),
    ]
    widths = {part.code: float(part.width.rstrip("%")) for part in parts}
    assert round(sum(widths.values()), 1) == 100.0
    assert widths["lost"] > 1.4
    assert widths["new"] == 0
    assert parts_of({"prospect": 5}) == []


def test_segments_are_ordered_by_their_moves(store, now):
    quiet, busy = (create_segment(name=name, rule=RULE, actor=SYSTEM) for name in ("Quiet", "Busy"))
    today = shop_day(now)
    SegmentDay.objects.create(segment=quiet, day=today, size=9, entered_count=1, left_count=0)
    SegmentDay.objects.create(segment=busy, day=today, size=9, entered_count=3, left_count=4)
    SegmentDay.objects.create(segment=busy, day=today - timedelta(days=1), size=10, entered_count=2, left_count=0)
    SegmentDay.objects.create(segment=quiet, day=today - timedelta(days=7), size=8, entered_count=99, left_count=0)
    moves = biggest_moves()
    assert [(row.segment.name, row.entered, row.left, row.change) for row in moves] == [
        ("Busy", 5, 4, 1),
        ("Quiet", 1, 0, 1),
    ]


def test_freshness_tells_what_waits_and_the_last_full_count(store, now):
    ChangedCustomer.objects.all().delete()
    assert (freshness().waiting, freshness().oldest, freshness().full_at) == (0, None, None)
    old = now - timedelta(minutes=3)
    ChangedCustomer.objects.create(customer_id=1, marked_at=old)
    ChangedCustomer.objects.create(customer_id=2, marked_at=now)
    ComputationState.objects.create(name="features", finished_at=old)
    fresh = freshness()
    assert (fresh.waiting, fresh.oldest, fresh.full_at, fresh.error) == (2, old, old, "")
