"""The customer picker: suggestions with what tells namesakes apart, permission, and the page without script."""

from __future__ import annotations

import pytest
from django.urls import reverse

from core.base.actor import SYSTEM
from core.security.roles import Role
from loyalty.ledger.services.enrolment import enrol_member
from loyalty.program.models import Program

pytestmark = pytest.mark.django_db
PART = {"HX-Request": "true"}


@pytest.fixture
def namesakes(program, make_customer, make_order, settle):
    """Two customers of one name: a member who ordered in Shanghai, and one without orders."""
    first = make_customer("Wang Min", phone="13800138000", region="Shanghai")
    second = make_customer("Wang Min", email="wang@example.com")
    make_order(first, 10_000, days_ago=3)
    settle()
    enrol_member(customer=second, program=Program.objects.default(), actor=SYSTEM)
    return first, second


@pytest.fixture
def agent(client, staff):
    client.force_login(staff(Role.AGENT))
    return client


def test_namesakes_show_number_contact_tier_region_and_last_order(agent, namesakes):
    first, second = namesakes
    page = agent.get(reverse("customer_pick"), {"field": "customer", "customer": "wang"}, headers=PART)
    found = {item.customer: item.details for item in page.context["suggestions"]}
    assert set(found) == {first, second}
    assert found[first][:2] == [first.number, "+86138****8000"]
    assert "Shanghai" in found[first]
    assert found[first][-1].startswith("last order ")
    assert found[second] == [second.number, "w***@example.com", "Member"]
    assert "13800138000" not in page.content.decode()
    assert f'data-number="{first.number}"' in page.content.decode()


def test_a_number_finds_exactly_one(agent, namesakes):
    first, _second = namesakes
    page = agent.get(reverse("customer_pick"), {"field": "customer", "customer": first.number}, headers=PART)
    assert [item.customer for item in page.context["suggestions"]] == [first]


def test_without_script_a_page_leads_back_with_the_number(agent, namesakes):
    first, _second = namesakes
    new = reverse("ticket_new")
    assert f"{reverse('customer_pick')}?field=customer&amp;next={new}" in agent.get(new).content.decode()
    page = agent.get(reverse("customer_pick"), {"field": "customer", "next": f"{new}?customer=9&x=1", "q": "8000"})
    assert [item.url for item in page.context["suggestions"]] == [f"{new}?x=1&customer={first.number}"]
    assert "<html" in page.content.decode()


def test_the_way_back_stays_on_the_site(agent, namesakes):
    first, _second = namesakes
    page = agent.get(reverse("customer_pick"), {"field": "who", "next": "https://evil.example/", "q": "8000"})
    assert [item.url for item in page.context["suggestions"]] == [reverse("customer", args=[first.number])]
    assert page.context["next"] == ""


def test_contacts_need_their_permission(client, staff, namesakes):
    user = staff(Role.AGENT)
    group = user.groups.first()
    group.permissions.remove(*group.permissions.filter(codename__in=["view_identity", "view_order", "view_member"]))
    client.force_login(user)
    first, _second = namesakes
    page = client.get(reverse("customer_pick"), {"field": "customer", "customer": "13800138000"}, headers=PART)
    assert [item.details for item in page.context["suggestions"]] == [[first.number, "Shanghai"]]


def test_more_suggestions_need_no_more_queries(agent, namesakes, make_customer, django_assert_num_queries):
    url = reverse("customer_pick")
    agent.get(url, {"field": "customer", "customer": "wang"}, headers=PART)
    with django_assert_num_queries(10) as few:
        agent.get(url, {"field": "customer", "customer": "wang"}, headers=PART)
    for _copy in range(4):
        make_customer("Wang Min")
    with django_assert_num_queries(len(few)):
        agent.get(url, {"field": "customer", "customer": "wang"}, headers=PART)
