"""The page where a second person decides on large adjustments (L12), and giving points over the API."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from core.actor import SYSTEM
from core.roles import Role
from loyalty.models import Account, AdjustmentRequest
from loyalty.services.adjustments import adjust_points
from loyalty.services.enrolment import enrol_member

pytestmark = pytest.mark.django_db


@pytest.fixture
def account(program, make_customer) -> Account:
    type(program).objects.filter(pk=program.pk).update(approval_above=1000, transfer_daily_points=300)
    member = enrol_member(customer=make_customer("Anna Berg"), program=program, actor=SYSTEM)
    return Account.objects.select_related("member__program", "member__customer").get(member=member)


def logged_in(user) -> Client:
    client = Client()
    client.force_login(user)
    return client


def available(account: Account) -> int:
    return Account.objects.get(pk=account.pk).available


def test_an_agents_large_adjustment_goes_to_the_lead_who_approves_it(account, staff):
    # given a limit of 1,000, an agent and a lead
    agent, lead = logged_in(staff(Role.AGENT, "kim")), logged_in(staff(Role.LEAD, "lee"))
    number = account.member.customer.number
    form = {"points": "1500", "reason": "goodwill", "note": "Lost parcel", "key": "k"}

    # when the agent gives 1,500
    page = agent.post(reverse("loyalty_adjust", args=[number]), form, follow=True)

    # then nothing moved yet, and the lead reads who, for whom and why
    assert "a lead decides on it" in page.content.decode()
    assert available(account) == 0
    request = AdjustmentRequest.objects.get()
    text = lead.get(reverse("loyalty_approvals")).content.decode()
    for words in ("+1,500", "Anna Berg", "Lost parcel", "Goodwill", "kim"):
        assert words in text
    assert "Adjustments to approve" in lead.get("/").content.decode()

    # and the approval moves them
    done = lead.post(reverse("loyalty_decide", args=[request.pk]), {"answer": "approve", "note": "fine"}, follow=True)
    assert "Approved: 1,500 points." in done.content.decode()
    assert available(account) == 1500


def test_declining_moves_nothing_and_nobody_approves_their_own(account, staff):
    lead, other = staff(Role.LEAD), staff(Role.LEAD)
    url = reverse("loyalty_adjust", args=[account.member.customer.number])
    logged_in(lead).post(url, {"points": "2000", "reason": "goodwill", "note": "x", "key": "k"})
    decide = reverse("loyalty_decide", args=[AdjustmentRequest.objects.get().pk])
    own = logged_in(lead).post(decide, {"answer": "approve"}, follow=True)
    assert "Someone else has to decide" in own.content.decode()
    logged_in(other).post(decide, {"answer": "decline"})
    assert (AdjustmentRequest.objects.get().state, available(account)) == ("declined", 0)


def test_points_are_given_to_another_member_over_the_api(account, program, make_customer, api):
    # given 250 points, and another member
    adjust_points(account=account, points=250, reason="goodwill", key="g", actor=SYSTEM)
    other = enrol_member(customer=make_customer(), program=program, actor=SYSTEM).customer.number
    url = f"/api/v1/members/{account.member.customer.number}/points/transfers"

    # when 200 are given twice under one key
    body = {"to": other, "points": 200, "note": "for tea"}
    first = api.post(url, body, format="json", headers={"Idempotency-Key": "t"})
    again = api.post(url, body, format="json", headers={"Idempotency-Key": "t"})

    # then they went once, and the refusal beyond the day's 300 says what is left
    assert (first.status_code, first.json()["points"], first.json()["to"], first.json()["available"]) == (
        201,
        200,
        other,
        50,
    )
    assert again.content == first.content
    more = api.post(url, {"to": other, "points": 101}, format="json", headers={"Idempotency-Key": "u"})
    assert (more.status_code, more.json()["errors"][0]["code"]) == (422, "transfer_limit")
    assert more.json()["details"] == {"points_left": 100, "times_left": 4}
    assert available(account) == 50
