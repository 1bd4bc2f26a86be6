"""Tests of suspending and resuming a member: permissions, what stops, what continues."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone
from rest_framework.test import APIClient

from core.base.actor import SYSTEM, of_user
from core.base.errors import Conflict, Invalid
from core.events.models import DomainEvent
from core.security.roles import Role
from crm.customers.api.authentication import make_member_token
from loyalty.earning.models import Earning
from loyalty.ledger.models import Account, AdjustmentRequest, Entry, Lot
from loyalty.ledger.selectors import balances as selectors
from loyalty.ledger.services.adjustments import (
    adjust_points,
    approve_adjustment,
    request_adjustment,
    reverse_adjustment,
)
from loyalty.ledger.services.enrolment import enrol_member
from loyalty.ledger.services.redemption import capture_hold, hold_points, redeem_points, release_hold
from loyalty.ledger.services.transfers import merge_members, transfer_points
from loyalty.program.models import Member, MemberState
from loyalty.program.services.suspensions import resume_member, suspend_member

pytestmark = pytest.mark.django_db


@pytest.fixture
def member(program, make_customer) -> Member:
    return enrol_member(customer=make_customer("Anna Berg"), program=program, actor=SYSTEM)


@pytest.fixture
def account(member) -> Account:
    spendable = selectors.spendable_account(member)
    adjust_points(account=spendable, points=1000, reason="goodwill", key="start", actor=SYSTEM)
    return selectors.spendable_account(member)


def suspend(member: Member, **values) -> Member:
    return suspend_member(member=member, **{"reason": "fraud", "note": "Two phones", "actor": SYSTEM, **values})


def available(account: Account) -> int:
    return Account.objects.get(pk=account.pk).available


def test_a_suspended_member_can_not_redeem_transfer_or_receive_points(program, account, member, make_customer, staff):
    # given a suspended member with 1,000 points
    type(program).objects.update(transfer_daily_points=500)
    other = selectors.spendable_account(enrol_member(customer=make_customer(), program=program, actor=SYSTEM))
    agent, lead = staff(Role.AGENT), staff(Role.LEAD)
    asked = request_adjustment(account=account, points=2000, reason="goodwill", user=agent, note="n")
    suspend(member)

    # when points are to be spent, sent or given
    acts = [
        lambda: redeem_points(account=account, points=10, key="a", actor=SYSTEM),
        lambda: hold_points(account=account, points=10, key="b", actor=SYSTEM),
        lambda: transfer_points(sender=account, receiver=other, points=10, key="c", actor=SYSTEM),
        lambda: adjust_points(account=account, points=10, reason="goodwill", key="d", note="n", actor=of_user(agent)),
        lambda: approve_adjustment(request=asked, user=lead),
    ]
    for act in acts:
        with pytest.raises(Conflict) as conflict:
            act()
        # then each is refused and nothing moves
        assert conflict.value.code == "member_not_active"
    assert (available(account), available(other), Entry.objects.count()) == (1000, 0, 1)

    # but points can still be taken
    adjust_points(account=account, points=-100, reason="fraud", key="e", note="n", actor=of_user(agent))
    assert available(account) == 900


def test_activity_during_a_suspension_never_earns_points(program, member, make_order, settle):
    # given an order before, one during and one after a suspension of two days, all reported late
    suspend(member)
    resume_member(member=member, actor=SYSTEM)
    now = timezone.now()
    Member.objects.filter(pk=member.pk).update(
        suspended_at=now - timedelta(days=4), resumed_at=now - timedelta(days=2), enrolled_at=now - timedelta(days=30)
    )
    for days, number in ((5, "before"), (3, "during"), (1, "after")):
        make_order(member.customer, 10_000, days_ago=days, number=number)
    settle()
    # then two of them earn points
    assert set(Earning.objects.values_list("order__number", flat=True)) == {"before", "after"}


def test_an_order_of_a_suspended_member_earns_nothing_and_a_refund_takes_back(member, make_order, settle):
    make_order(member.customer, 50_000, number="A1")
    settle()
    suspend(member)
    make_order(member.customer, 10_000, number="A2")
    settle()
    assert list(Earning.objects.values_list("order__number", flat=True)) == ["A1"]


def test_open_holds_can_be_captured_or_released_during_a_suspension(program, account, member):
    # given two holds from before
    first = hold_points(account=account, points=300, key="a", actor=SYSTEM)["hold"]
    second = hold_points(account=account, points=200, key="b", actor=SYSTEM)["hold"]
    suspend(member)
    # then one is captured and one released, as the shop requests
    capture_hold(program=program, hold=first, key="c", actor=SYSTEM)
    release_hold(program=program, hold=second, key="d", actor=SYSTEM)
    balance = Account.objects.get(pk=account.pk)
    assert (balance.available, balance.held) == (700, 0)


def test_a_suspension_needs_a_reason_happens_once_and_emits_events(member):
    with pytest.raises(Invalid) as refused:
        suspend(member, reason="mood")
    assert (refused.value.code, refused.value.field) == ("invalid_choice", "reason")
    with pytest.raises(Invalid) as refused:
        suspend(member, note="x" * 401)
    assert (refused.value.code, refused.value.field) == ("too_long", "note")
    with pytest.raises(Conflict) as conflict:
        resume_member(member=member, actor=SYSTEM)
    assert conflict.value.code == "not_suspended"
    assert Member.objects.get().state == MemberState.ACTIVE

    suspend(member)
    with pytest.raises(Conflict) as conflict:
        suspend(member)
    assert conflict.value.code == "already_suspended"
    stored = Member.objects.get()
    assert (stored.state, stored.suspension_reason, stored.suspension_note, stored.suspended_by) == (
        "suspended", "fraud", "Two phones", "system",
    )  # fmt: skip

    resume_member(member=member, note="It was his brother", actor=SYSTEM)
    stored.refresh_from_db()
    assert (stored.state, stored.suspension_reason, stored.suspended_at < stored.resumed_at) == ("active", "", True)
    events = DomainEvent.objects.filter(kind__in=["loyalty.member_suspended", "loyalty.member_resumed"]).order_by("pk")
    assert [(event.kind, event.payload["note"]) for event in events] == [
        ("loyalty.member_suspended", "Two phones"),
        ("loyalty.member_resumed", "It was his brother"),
    ]
    Member.objects.update(state=MemberState.LEFT)
    with pytest.raises(Conflict) as conflict:
        suspend(member)
    assert conflict.value.code == "member_not_active"


def test_the_shop_suspends_and_resumes_over_the_api_and_the_member_sees_the_state(api, account, member):
    url = f"/api/v1/members/{member.customer.number}"
    # when the shop's key suspends twice
    first = api.post(f"{url}/suspend", {"reason": "payment", "note": "Chargeback"}, format="json")
    again = api.post(f"{url}/suspend", {"reason": "payment"}, format="json")
    wrong = api.post(f"{url}/suspend", {"reason": "mood"}, format="json")
    # then the member is suspended once, and their own token reads the state but not the note
    assert (first.status_code, first.json()["state"]) == (200, "suspended")
    assert (again.status_code, again.json()["errors"][0]["code"]) == (409, "already_suspended")
    assert (wrong.status_code, wrong.json()["errors"][0]["attr"]) == (400, "reason")
    own = APIClient()
    own.credentials(HTTP_AUTHORIZATION="Bearer " + make_member_token(member.customer, source="storefront", seconds=60))
    read = own.get(url)
    assert read.json()["state"] == "suspended"
    assert b"Chargeback" not in read.content
    # A test is one transaction, in which now() stands still.
    Lot.objects.update(available_from=timezone.now() - timedelta(hours=1))
    quote = own.post(f"{url}/points/quote", {"amount": 10_000}, format="json").json()
    assert (quote["points_available"], quote["points_usable"], quote["points_earned"]) == (1000, 0, 0)
    # and resumes
    back = api.post(f"{url}/resume", {}, format="json")
    assert (back.status_code, back.json()["state"]) == (200, "active")
    assert api.post(f"{url}/resume", {}, format="json").json()["errors"][0]["code"] == "not_suspended"


def test_a_lead_suspends_on_the_customer_page_and_agents_see_the_reason(client, staff, member):
    # given a lead on the customer's page
    page = reverse("customer", args=[member.customer.number]) + "?tab=points"
    client.force_login(staff(Role.LEAD, "lee"))
    assert reverse("loyalty_suspend", args=[member.customer.number]) in client.get(page).content.decode()
    url = reverse("loyalty_suspend", args=[member.customer.number])
    wrong = client.post(url, {"reason": ""}, headers={"X-Stay": "yes"})
    assert (wrong.status_code, wrong.json()["errors"][0]["field"]) == (422, "reason")
    client.post(url, {"reason": "fraud", "note": "Two phones"})
    assert Member.objects.get().state == "suspended"
    assert "Anna Berg" in client.get(reverse("loyalty_members"), {"tier": "suspended"}).content.decode()

    # then an agent reads the reason, the note and the name, but can't change it
    client.force_login(staff(Role.AGENT))
    text = client.get(page).content.decode()
    for words in ("Suspected abuse", "Two phones", "lee"):
        assert words in text
    assert reverse("loyalty_resume", args=[member.customer.number]) not in text
    assert client.post(reverse("loyalty_resume", args=[member.customer.number])).status_code == 403
    client.force_login(staff(Role.ADMINISTRATOR))
    client.post(reverse("loyalty_resume", args=[member.customer.number]))
    assert Member.objects.get().state == "active"


def test_the_administration_suspends_several_members_with_a_reason(client, staff, member, program, make_customer):
    other = enrol_member(customer=make_customer("Bo"), program=program, actor=SYSTEM)
    user = staff(Role.ADMINISTRATOR)
    user.is_staff = True
    user.save()
    client.force_login(user)
    chosen = {"action": "suspend", "_selected_action": [member.pk, other.pk]}
    client.post("/admin/loyalty/member/", chosen)
    assert set(Member.objects.values_list("state", flat=True)) == {"active"}
    client.post("/admin/loyalty/member/", {**chosen, "reason": "fraud"})
    assert set(Member.objects.values_list("state", "suspension_reason")) == {("suspended", "fraud")}
    client.post("/admin/loyalty/member/", {**chosen, "action": "resume"})
    assert set(Member.objects.values_list("state", flat=True)) == {"active"}


def test_reversing_a_deduction_is_refused_for_a_suspended_member(account, member, staff):
    agent = staff(Role.AGENT)
    adjust_points(account=account, points=-100, reason="fraud", key="t", note="n", actor=of_user(agent))
    suspend(member)
    with pytest.raises(Conflict) as conflict:
        reverse_adjustment(request=AdjustmentRequest.objects.get(), user=agent)
    assert (conflict.value.code, available(account)) == ("member_not_active", 900)


def test_a_merge_carries_the_suspension(program, member, make_customer):
    # given a suspended member who turns out to be the same person as an active one
    other = enrol_member(customer=make_customer(), program=program, actor=SYSTEM)
    suspend(member)
    # when they are merged, twice
    for _time in range(2):
        merge_members(source=member, target=other, actor=SYSTEM)
    # then the remaining member is suspended for the same reason
    member.refresh_from_db()
    other.refresh_from_db()
    assert member.state == "left"
    assert (other.state, other.suspension_reason, other.suspension_note) == ("suspended", "fraud", "Two phones")
