"""The profile of a segment: exact shares of its members against all customers, and what can be done with a segment."""

from __future__ import annotations

import pytest
from django.urls import reverse

from analytics.features.models import CustomerFeature
from analytics.segments.models import Segment
from analytics.segments.services import runs
from analytics.segments.services.profiles import Part, profile_of
from analytics.segments.services.segments import archive_segment, create_segment
from core.base.actor import SYSTEM
from core.security.roles import Role
from crm.customers.services.consents import record_consent
from tests.segments import put_in

pytestmark = pytest.mark.django_db
PART = {"HX-Request": "true"}


@pytest.fixture
def segment(program, make_customer, make_order, settle) -> Segment:
    """Ann (two orders, Shanghai, reachable by e-mail) is inside; Bob (one order) and Cid (none) are not."""
    ann = make_customer("Ann", email="ann@example.com", region="Shanghai")
    bob, cid = make_customer("Bob", region="Beijing"), make_customer("Cid", region="Shanghai")
    record_consent(customer=ann, channel="email", purpose="marketing", decision="granted", source="test", actor=SYSTEM)
    make_order(ann, 30_000, days_ago=2)
    make_order(ann, 10_000, days_ago=1)
    make_order(bob, 10_000, days_ago=1)
    settle()
    runs.refresh_changed()
    assert CustomerFeature.objects.count() == 3
    made = create_segment(name="Loyal", rule={"op": "and", "children": []}, actor=SYSTEM)
    Segment.objects.filter(pk=made.pk).update(size=1)
    put_in(made, ann)
    made.refresh_from_db()
    assert cid.pk
    return made


def by_value(parts) -> dict[str, tuple[int, int]]:
    return {part.value: (part.inside, part.everyone) for part in parts}


def test_the_members_are_compared_with_all_customers(segment):
    profile = profile_of(segment)
    assert (profile.inside, profile.everyone) == (1, 3)
    assert by_value(profile.parts["region"]) == {"Shanghai": (1, 2), "Beijing": (0, 1)}
    assert by_value(profile.parts["orders"]) == {"0": (0, 1), "1": (0, 1), "2": (1, 1)}
    assert by_value(profile.parts["stage"])["prospect"] == (0, 1)
    assert sum(part.everyone for part in profile.parts["stage"]) == 3
    assert sum(part.inside for part in profile.parts["tier"]) == 1
    assert Part("email", 1, 1) in profile.reach


def test_a_part_of_the_page_and_a_page_of_its_own(client, staff, segment):
    client.force_login(staff(Role.ANALYST))
    part = client.get(reverse("segment_profile", args=[segment.pk]), headers=PART)
    charts = {chart.code.rsplit("-", 1)[1]: chart for chart in part.context["charts"]}
    assert list(charts) == ["stage", "tier", "region", "spend", "orders", "reach"]
    assert charts["region"].rows == [("Shanghai", [100.0, 66.7]), ("Beijing", [0.0, 33.3])]
    assert charts["orders"].rows == [("0", [0.0, 33.3]), ("1", [0.0, 33.3]), ("2", [100.0, 33.3])]
    assert "1 member against 3 customers in all." in part.content.decode()
    assert "<html" not in part.content.decode()
    assert "<html" in client.get(reverse("segment_profile", args=[segment.pk])).content.decode()


def test_a_segment_without_members_says_so(client, staff, store):
    client.force_login(staff(Role.ANALYST))
    empty = create_segment(name="Empty", rule={"op": "or", "children": []}, actor=SYSTEM)
    page = client.get(reverse("segment_profile", args=[empty.pk]), headers=PART).content.decode()
    assert "The segment has no members." in page


def test_the_actions_depend_on_the_role_and_the_state(client, staff, segment):
    def actions() -> list[str]:
        return [str(item.label) for item, _url in client.get(page).context["actions"]]

    page = reverse("segment", args=[segment.pk])
    client.force_login(staff(Role.MARKETER))
    assert actions() == ["Open as a customer list", "Give a coupon", "Start a broadcast", "Start a journey"]
    client.force_login(staff(Role.ANALYST))
    assert actions() == ["Open as a customer list", "Export members"]
    assert "Every customer" in client.get(page).content.decode()
    archive_segment(segment=segment, actor=SYSTEM)
    assert actions() == []


def test_the_actions_begin_with_the_segment(client, staff, segment):
    client.force_login(staff(Role.MARKETER))
    page = client.get(reverse("segment", args=[segment.pk]))
    urls = {str(item.label): url for item, url in page.context["actions"]}
    form = client.get(urls["Start a broadcast"]).context["form"]
    assert form["segment"].value() == str(segment.pk)
    client.post(urls["Start a journey"], {"name": "For loyal ones", "segment": segment.pk})
    from campaigns.journeys.models import Journey

    assert Journey.objects.get().draft["entry"] == {"kind": "segment", "segment": segment.pk}
    assert "Choose the coupon" in client.get(urls["Give a coupon"]).content.decode()
