"""Tests of the page where a second person decides on large adjustments (L12), and of transfers over the API."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from core.base.actor import SYSTEM, of_user
from core.notices.models import Notice
from core.notices.services import drop_old
from core.security.roles import Role
from crm.desk.services import open_ticket
from loyalty.ledger.models import Account, AdjustmentRequest, Lot
from loyalty.ledger.rules.limits import Limits
from loyalty.ledger.services.adjustments import adjust_points, request_adjustment
from loyalty.ledger.services.enrolment import enrol_member
from loyalty.ledger.services.limits import set_limits

pytestmark = pytest.mark.django_db


@pytest.fixture
def account(program, make_customer) -> Account:
    type(program).objects.filter(pk=program.pk).update(transfer_daily_points=300)
    set_limits(role=Role.LEAD.value, limits=Limits(1000, 20_000, 50), actor=SYSTEM)
    set_limits(role=Role.AGENT.value, limits=Limits(1000, 2_000, 10), actor=SYSTEM)
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

    # then nothing moved yet, and the lead sees the agent, the customer and the reason
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


def test_declining_moves_nothing_and_own_requests_cannot_be_approved(account, staff):
    lead, other = staff(Role.LEAD), staff(Role.LEAD)
    url = reverse("loyalty_adjust", args=[account.member.customer.number])
    logged_in(lead).post(url, {"points": "2000", "reason": "goodwill", "note": "x", "key": "k"})
    decide = reverse("loyalty_decide", args=[AdjustmentRequest.objects.get().pk])
    own = logged_in(lead).post(decide, {"answer": "approve"}, follow=True)
    assert "decide on your own request" in own.content.decode()
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

    # then they were transferred once, and the refusal beyond the day's 300 says what is left
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


def test_the_card_shows_the_balance_and_both_histories(account, staff):
    # given a customer with 250 points, of which an agent gave 200, and a new request
    kim, lead = staff(Role.AGENT, "kim"), logged_in(staff(Role.LEAD, "lee"))
    adjust_points(account=account, points=50, reason="goodwill", key="s", actor=SYSTEM)
    adjust_points(account=account, points=200, reason="correction", note="Missed", key="g", actor=of_user(kim))
    ticket = open_ticket(customer=account.member.customer, subject="Broken", text="Twice.", actor=SYSTEM)
    request_adjustment(account=account, points=1500, reason="goodwill", user=kim, ticket=ticket)
    Lot.objects.update(available_from=timezone.now() - timedelta(hours=1))

    # then the lead sees all of it, and the count beside the page and on the bell
    text = " ".join(lead.get(reverse("loyalty_approvals")).content.decode().split())
    assert "250 available, 0 pending" in text
    assert f'<a href="{reverse("ticket", args=[ticket.number])}">' in text
    assert "Correction" in text
    assert "Earlier adjustments by kim" in text
    assert "1 adjustment in 30 days: 200 points given, 0 taken." in text
    assert "Left of your daily budget: 20,000 of 20,000 points." in text
    assert '<span class="tab-count sidebar-count">1</span>' in text
    assert "1 new notice" in text


def test_a_notice_leads_to_its_page_and_is_dropped_after_90_days(account, staff):
    kim, lee = staff(Role.AGENT, "kim"), staff(Role.LEAD, "lee")
    lead = logged_in(lee)
    request_adjustment(account=account, points=1500, reason="goodwill", user=kim, note="Twice broken")
    number = account.member.customer.number
    text = lead.get(reverse("notices")).content.decode()
    assert f"kim asks to give 1,500 points to customer {number}." in text
    notice = Notice.objects.get(user=lee)

    # another person's notice is not accessible
    assert logged_in(kim).post(reverse("notice", args=[notice.pk])).status_code == 404
    assert Notice.objects.filter(read_at=None).count() == 1
    answer = lead.post(reverse("notice", args=[notice.pk]))
    assert answer.url == reverse("loyalty_approvals")
    assert Notice.objects.filter(read_at=None).count() == 0

    # all notices are marked read together, and after 90 days they are dropped
    request_adjustment(account=account, points=1600, reason="goodwill", user=kim, note="Again")
    lead.post(reverse("notices_read"))
    assert Notice.objects.filter(read_at=None).count() == 0
    Notice.objects.filter(pk=notice.pk).update(created_at=timezone.now() - timedelta(days=91))
    assert drop_old() == 1
    assert Notice.objects.filter(user=lee).count() == 1
