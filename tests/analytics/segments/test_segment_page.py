"""A segment's page: size by day, entries and departures, members on a past day (S1), the reason for one customer."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from analytics.conditions.services import compilation as conditions_compilation
from analytics.segments import selectors
from analytics.segments.models import Segment, SegmentDay
from analytics.segments.services import figures as segments_figures
from analytics.segments.services import runs as segment_runs
from analytics.segments.services import segments
from analytics.segments.services.presets import TEMPLATES
from core.base.actor import SYSTEM
from core.base.zones import shop_day
from core.security.roles import Role
from crm.customers.models import Customer
from crm.orders.models import Order
from tests.segments import put_in, take_out

pytestmark = pytest.mark.django_db
EVERYONE = {"op": "and", "children": []}


@pytest.fixture
def marketer(client, staff):
    client.force_login(staff(Role.MARKETER))
    return client


@pytest.fixture
def segment(program, make_customer, settle) -> Segment:
    """Ann has been in it for ten days, Bob was in it from ten to five days ago, Cid never was."""
    ann, bob, _cid = make_customer("Ann"), make_customer("Bob"), make_customer("Cid")
    settle()
    segment_runs.refresh_changed()
    made = segments.create_segment(name="Past", rule=EVERYONE, actor=SYSTEM)
    Segment.objects.filter(pk=made.pk).update(computed_version=1, computed_at=timezone.now(), size=1)
    now = timezone.now()
    put_in(made, ann, bob, at=now - timedelta(days=10))
    take_out(made, bob, at=now - timedelta(days=5))
    SegmentDay.objects.create(segment=made, day=shop_day(now - timedelta(days=10)), size=2, entered_count=2)
    SegmentDay.objects.create(segment=made, day=shop_day(now - timedelta(days=5)), size=1, left_count=1)
    made.refresh_from_db()
    return made


def names(response) -> list[str]:
    return sorted(row.customer.name for row in response.context["page"])


def day(ago: int) -> str:
    return (timezone.localtime() - timedelta(days=ago)).date().isoformat()


def test_members_of_any_past_day_are_shown(marketer, segment):
    url = reverse("segment", args=[segment.pk])
    for ago, wanted in ((11, []), (9, ["Ann", "Bob"]), (7, ["Ann", "Bob"]), (4, ["Ann"]), (0, ["Ann"])):
        response = marketer.get(url, {"on": day(ago)})
        assert (names(response), response.context["on_count"]) == (wanted, len(wanted)), ago
    assert "2 customers were in the segment at the end of" in marketer.get(url, {"on": day(9)}).content.decode()
    assert names(marketer.get(url)) == ["Ann"]


@pytest.mark.parametrize("wrong", ["yesterday", "2026-02-30", "0001-01-01", "9999-12-31", "2026-01-31x"])
def test_an_invalid_day_is_reported_and_current_members_are_shown(marketer, segment, wrong):
    response = marketer.get(reverse("segment", args=[segment.pk]), {"on": wrong})
    assert "Use a date such as 2026-01-31." in response.content.decode()
    assert names(response) == ["Ann"]


def test_who_entered_and_left_when(marketer, segment):
    url = reverse("segment", args=[segment.pk])
    assert names(marketer.get(url, {"show": "entered"})) == ["Ann", "Bob"]
    left = marketer.get(url, {"show": "left"})
    assert names(left) == ["Bob"]
    assert "still a member" in marketer.get(url, {"show": "entered"}).content.decode()


def test_the_size_of_each_day_is_carried_to_the_next(marketer, segment):
    size, moves = selectors.size_charts(segment)
    assert list(size.series[0].values) == [2, 2, 2, 2, 2, 1, 1, 1, 1, 1, 1]
    assert list(moves.series[0].values) == [2] + [0] * 10
    assert list(moves.series[1].values) == [0] * 5 + [1] + [0] * 5
    page = marketer.get(reverse("segment", args=[segment.pk])).content.decode()
    assert "Size over time" in page
    assert 'data-value="2"' in page


def test_a_day_s_moves_are_added_up(program, make_customer, settle):
    made = segments.create_segment(name="All", rule=EVERYONE, actor=SYSTEM)
    for place in range(2):
        make_customer()
        settle()
        segment_runs.refresh_changed()
        segment_runs.compute_segments([made.pk])
        row = SegmentDay.objects.get(segment=made)
        assert (row.size, row.entered_count, row.left_count) == (place + 1, place, 0), "the first was found inside"
    segments.archive_segment(segment=made, actor=SYSTEM)
    row.refresh_from_db()
    assert (row.size, row.entered_count, row.left_count) == (0, 1, 2)


def test_the_number_of_queries_does_not_depend_on_the_members(marketer, segment, make_customer, settle):
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    def queries() -> int:
        with CaptureQueriesContext(
            connection,
        ) as caught:
            marketer.get(reverse("segment", args=[segment.pk]))
        return len(caught)

    queries()
    few = queries()
    for _place in range(5):
        put_in(segment, make_customer())
    settle()
    segment_runs.refresh_changed()
    assert queries() == few


def test_every_template_opens_an_editable_rule(marketer, program):
    listed = marketer.get(reverse("segments")).content.decode()
    for code, template in TEMPLATES.items():
        assert f"?template={code}" in listed
        page = marketer.get(reverse("segment_new"), {"template": code})
        assert f'value="{template.label}"' in page.content.decode()
        assert conditions_compilation.clean_rule(template.rule) == template.rule
        assert segments_figures.count_rule(template.rule) == 0


def test_the_templates_match_the_described_customers(program, make_customer, make_order, settle):
    today = shop_day(timezone.now())
    people = {
        "new": make_customer(),
        "active": make_customer(),
        "at_risk": make_customer(),
        "lapsed": make_customer(),
        "birthdays": make_customer(birthday=today.replace(year=1990, day=1).isoformat()),
        "discount_seekers": make_customer(),
    }
    make_order(people["new"], days_ago=3)
    for ago in (100, 50):
        make_order(people["active"], 50_000, days_ago=ago)
    make_order(people["at_risk"], 900_000, days_ago=120)
    make_order(people["lapsed"], days_ago=200)
    for ago in (400, 390):
        make_order(people["discount_seekers"], days_ago=ago)
    Order.objects.filter(customer=people["discount_seekers"]).update(subtotal=15_000, discount=5_000)
    settle()
    segment_runs.refresh_changed()

    def held(code: str) -> set[Customer]:
        return set(Customer.objects.filter(pk__in=segments_figures.figures_of(TEMPLATES[code].rule, sample=50).sample))

    for code in ("new", "active", "lapsed", "birthdays", "discount_seekers"):
        assert held(code) == {people[code]}, code
    assert held("at_risk") == {people["at_risk"]}
    assert held("one_time") == {people["new"], people["at_risk"], people["lapsed"]}
    assert held("silent_members") == {people[code] for code in ("at_risk", "lapsed", "discount_seekers")}
