"""Tests of adjustments by hand (L12): author and reason, the daily budget, and two people above a limit."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from core.base.actor import SYSTEM, of_user
from core.base.errors import Conflict, DomainError, Invalid, Refused
from core.notices import registry as notices
from core.notices.models import Notice
from core.security.roles import Role
from crm.desk.services import open_ticket
from loyalty.ledger.models import Account, AdjustmentRequest, AgentBudget, Entry, GivingLimit, Lot
from loyalty.ledger.rules.limits import DEFAULTS, Limits
from loyalty.ledger.selectors import allowances
from loyalty.ledger.services.adjustments import (
    adjust_points,
    approve_adjustment,
    decline_adjustment,
    request_adjustment,
    reverse_adjustment,
)
from loyalty.ledger.services.enrolment import enrol_member
from loyalty.ledger.services.limits import set_limits
from loyalty.ledger.services.redemption import redeem_points
from tests.threads import storm

pytestmark = pytest.mark.django_db


@pytest.fixture
def account(program, make_customer) -> Account:
    for role in (Role.AGENT, Role.LEAD):
        set_limits(role=role.value, limits=Limits(1000, 1500, 10), actor=SYSTEM)
    member = enrol_member(customer=make_customer(), program=program, actor=SYSTEM)
    return Account.objects.select_related("member__program").get(member=member)


def give(account: Account, points: int, key: str, user) -> None:
    adjust_points(account=account, points=points, reason="goodwill", key=key, note="Parcel lost", actor=of_user(user))


def available(account: Account) -> int:
    return Account.objects.get(pk=account.pk).available


def test_a_day_has_a_budget_and_a_repeat_does_not_spend_it_twice(account, staff):
    # given a budget of 1,500 a day
    agent, other = staff(Role.AGENT), staff(Role.AGENT)

    # when 1,000 are given, and the same click comes again
    give(account, 1000, "a", agent)
    give(account, 1000, "a", agent)

    # then 500 are left: 501 are refused and change nothing, 500 fit, and the other agent has a separate budget
    with pytest.raises(Refused) as refused:
        give(account, 501, "b", agent)
    assert (refused.value.code, refused.value.details) == ("budget_spent", {"left": 500})
    assert available(account) == 1000
    assert AgentBudget.objects.get(user=agent).given == 1000
    give(account, 500, "c", agent)
    give(account, 700, "d", other)
    assert available(account) == 2200
    assert set(AgentBudget.objects.values_list("user", "given")) == {(agent.pk, 1500), (other.pk, 700)}


def test_taking_points_costs_no_budget_and_tomorrow_has_a_new_one(account, staff):
    agent = staff(Role.AGENT)
    give(account, 1000, "a", agent)
    give(account, -200, "b", agent)
    assert AgentBudget.objects.get().given == 1000
    AgentBudget.objects.update(day=timezone.now().date() - timedelta(days=2))
    give(account, 1000, "c", agent)
    assert available(account) == 1800


def test_above_the_limit_nothing_moves_until_another_person_approves(account, staff):
    # given a limit of 1,000 for one person alone
    agent, lead = staff(Role.AGENT), staff(Role.LEAD)
    for points in (1001, -1001):
        with pytest.raises(Refused) as refused:
            give(account, points, f"k{points}", agent)
        assert (refused.value.code, refused.value.details) == ("needs_approval", {"limit": 1000})

    # when it is requested, and the same person tries to approve it
    request = request_adjustment(
        account=account,
        points=1200,
        reason="goodwill",
        user=agent,
        note="Parcel lost twice",
        reference="Sorry for the wait",
    )
    with pytest.raises(Conflict) as conflict:
        approve_adjustment(request=request, user=agent)
    assert (conflict.value.code, available(account)) == ("own_request", 0)

    # then another person's approval moves it once, and the entry names the requester
    approve_adjustment(request=request, user=lead, note="ok")
    with pytest.raises(Conflict) as conflict:
        approve_adjustment(request=request, user=lead)
    assert (conflict.value.code, available(account)) == ("request_decided", 1200)
    entry = Entry.objects.get()
    assert (entry.available, entry.actor) == (1200, f"user:{agent.pk}")
    assert (entry.reference, entry.note) == ("Sorry for the wait", "Parcel lost twice")
    request.refresh_from_db()
    assert (request.state, request.decided_by, request.decision_note) == ("approved", lead, "ok")
    assert request.entry == entry

    # and the points count in the approver's day
    assert set(AgentBudget.objects.values_list("user", "given")) == {(lead.pk, 1200)}


def test_a_declined_or_withdrawn_request_moves_nothing(account, staff):
    agent, lead = staff(Role.AGENT), staff(Role.LEAD)
    states = []
    for decider in (lead, agent):
        request = request_adjustment(account=account, points=2000, reason="goodwill", user=agent, note="please")
        decline_adjustment(request=request, user=decider)
        request.refresh_from_db()
        states.append(request.state)
    assert states == ["declined", "withdrawn"]
    assert available(account) == 0
    with pytest.raises(Invalid) as refused:
        request_adjustment(account=account, points=2000, reason="goodwill", user=agent, note="  ")
    assert refused.value.field == "note"
    assert AdjustmentRequest.objects.count() == 2


def test_an_approval_that_the_ledger_refuses_leaves_the_request_waiting(account, staff):
    agent, lead = staff(Role.AGENT), staff(Role.LEAD)
    request = request_adjustment(
        account=account, points=-2000, reason="fraud", user=agent, note="Bought with stolen cards"
    )
    with pytest.raises(Refused) as refused:
        approve_adjustment(request=request, user=lead)
    request.refresh_from_db()
    assert (refused.value.code, request.state, request.decided_by) == ("insufficient_points", "waiting", None)


@pytest.mark.django_db(transaction=True)
def test_parallel_clicks_stay_within_the_budget(account, staff):
    # given 1,500 for the day, and twenty clicks of 100 in parallel
    agent = staff(Role.AGENT)
    outcomes: list[str] = []

    def click(number: int) -> None:
        try:
            give(account, 100, f"k{number}", agent)
            outcomes.append("done")
        except DomainError as error:
            outcomes.append(error.code)

    storm(20, click)

    # then fifteen fit
    assert sorted(outcomes) == ["budget_spent"] * 5 + ["done"] * 15
    assert (available(account), AgentBudget.objects.get().given) == (1500, 1500)


def test_a_new_shop_has_finite_limits_for_every_role(account, staff):
    # given a shop without limits of its own
    GivingLimit.objects.all().delete()
    agent, lead, admin = staff(Role.AGENT), staff(Role.LEAD), staff(Role.ADMINISTRATOR)

    # then each role has its limits, at once and a day, and a person with two roles has the higher ones
    assert allowances.limits_of(agent) == Limits(500, 2_000, 10)
    assert allowances.limits_of(lead) == Limits(5_000, 20_000, 50)
    assert allowances.limits_of(admin) == Limits(50_000, 200_000, 200)
    assert set(DEFAULTS) == {role.value for role in Role}
    agent.groups.add(*lead.groups.all())
    assert allowances.limits_of(agent) == Limits(5_000, 20_000, 50)
    agent.groups.clear()
    assert allowances.limits_of(agent) == Limits(500, 2_000, 10)

    # and a million at once is refused for every role
    for user in (agent, lead, admin):
        with pytest.raises(Refused) as refused:
            give(account, 1_000_000, f"m{user.pk}", user)
        assert refused.value.code == "needs_approval"
    assert available(account) == 0


def test_an_approver_is_limited_by_their_own_daily_budget(account, staff):
    # given an agent who asks for a million, and a lead with 1,500 a day
    agent, lead = staff(Role.AGENT), staff(Role.LEAD)
    request = request_adjustment(account=account, points=1_000_000, reason="goodwill", user=agent, note="please")

    # when the lead approves it
    with pytest.raises(Refused) as refused:
        approve_adjustment(request=request, user=lead)

    # then it is refused with the rest of the day's budget, and it still waits
    request.refresh_from_db()
    assert (refused.value.code, refused.value.details) == ("budget_spent", {"left": 1500})
    assert (request.state, available(account)) == ("waiting", 0)
    assert not AgentBudget.objects.filter(given__gt=0).exists()


def test_a_note_or_a_ticket_of_this_customer_says_why(account, staff, make_customer):
    agent = staff(Role.AGENT)
    own = open_ticket(customer=account.member.customer, subject="Lost", text="Where?", actor=SYSTEM)
    foreign = open_ticket(customer=make_customer(), subject="Lost", text="Where?", actor=SYSTEM)
    values = {"account": account, "points": 100, "reason": "goodwill", "actor": of_user(agent)}
    with pytest.raises(Invalid) as refused:
        adjust_points(**values, key="a", note="  ")
    assert (refused.value.code, refused.value.field) == ("required", "note")
    with pytest.raises(Invalid) as refused:
        adjust_points(**values, key="b", ticket=foreign)
    assert (refused.value.code, refused.value.field) == ("wrong_customer", "ticket")
    assert (AdjustmentRequest.objects.count(), available(account)) == (0, 0)

    # a ticket is enough; the customer reads its number, staff the note
    adjust_points(**values, key="c", ticket=own)
    adjust_points(**values, key="d", note="He shouted at us")
    assert list(Entry.objects.order_by("pk").values_list("reference", flat=True)) == [own.number, ""]
    rows = AdjustmentRequest.objects.order_by("requested_at").values_list("state", "ticket", "note", "requested_by")
    assert list(rows) == [("given", own.pk, "", agent.pk), ("given", None, "He shouted at us", agent.pk)]


def test_an_adjustment_is_reversed_once_and_the_day_has_its_points_back(account, staff):
    # given 800 from a ticket
    agent = staff(Role.AGENT)
    ticket = open_ticket(customer=account.member.customer, subject="Lost", text="Where?", actor=SYSTEM)
    adjust_points(account=account, points=800, reason="goodwill", key="a", ticket=ticket, actor=of_user(agent))
    adjustment = AdjustmentRequest.objects.get()

    # when it is reversed twice
    reverse_adjustment(request=adjustment, user=agent, note="Wrong customer")
    with pytest.raises(Conflict) as conflict:
        reverse_adjustment(request=adjustment, user=agent)

    # then the points are gone once, and the day has room again
    assert (conflict.value.code, available(account)) == ("already_reversed", 0)
    assert AgentBudget.objects.get().given == 0
    undone = AdjustmentRequest.objects.get(reverses=adjustment)
    assert (undone.points, undone.reason, undone.ticket, undone.note) == (-800, "reversal", ticket, "Wrong customer")

    # and a reversal is not reversed itself
    with pytest.raises(Conflict) as conflict:
        reverse_adjustment(request=undone, user=agent)
    assert (conflict.value.code, available(account)) == ("not_reversible", 0)


def test_spent_points_are_not_reversed_and_expired_points_are_not_taken_again(account, staff):
    agent = staff(Role.AGENT)
    give(account, 300, "a", agent)
    redeem_points(account=account, points=250, key="r", actor=SYSTEM)
    first = AdjustmentRequest.objects.get()
    with pytest.raises(Refused) as refused:
        reverse_adjustment(request=first, user=agent)
    assert (refused.value.code, available(account)) == ("insufficient_points", 50)
    assert AgentBudget.objects.get().given == 300
    assert AdjustmentRequest.objects.count() == 1

    # given 400 more that expire, and 50 that stay: nothing is left of the 400 to take
    give(account, 400, "b", agent)
    second = AdjustmentRequest.objects.exclude(pk=first.pk).get()
    Lot.objects.filter(entry=second.entry).update(expires_at=timezone.now() - timedelta(seconds=1))
    with pytest.raises(Refused) as refused:
        reverse_adjustment(request=second, user=agent)
    assert refused.value.code == "expired"
    assert AdjustmentRequest.objects.filter(reverses=second).count() == 0


def test_an_agent_cannot_reverse_a_leads_adjustment_above_the_agents_limit(account, staff):
    agent, lead = staff(Role.AGENT), staff(Role.LEAD)
    set_limits(role=Role.AGENT.value, limits=Limits(100, 500, 10), actor=SYSTEM)
    give(account, 1000, "a", lead)
    adjustment = AdjustmentRequest.objects.get()
    with pytest.raises(Refused) as refused:
        reverse_adjustment(request=adjustment, user=agent)
    assert (refused.value.code, refused.value.details, available(account)) == ("needs_approval", {"limit": 100}, 1000)
    reverse_adjustment(request=adjustment, user=lead)
    assert available(account) == 0


def test_requester_and_approvers_are_notified_of_each_other(account, staff):
    # given an agent's request
    agent, lead, other = staff(Role.AGENT, "kim"), staff(Role.LEAD, "lee"), staff(Role.LEAD)
    request = request_adjustment(account=account, points=1200, reason="goodwill", user=agent, note="please", key="k")
    again = request_adjustment(account=account, points=1200, reason="goodwill", user=agent, note="please", key="k")
    assert again == request

    # then both leads have one notice; after one decides, the other's is settled and the agent has one
    asked = Notice.objects.filter(kind="loyalty.adjustment_asked")
    assert set(asked.values_list("user", "read_at")) == {(lead.pk, None), (other.pk, None)}
    approve_adjustment(request=request, user=lead)
    assert asked.filter(read_at=None).count() == 0
    agent_notice = Notice.objects.get(user=agent)
    number = account.member.customer.number
    assert notices.shown(agent_notice).text == f"lee approved your adjustment of 1,200 points for customer {number}."

    # and a person who withdraws their own request is not notified
    own = request_adjustment(account=account, points=1100, reason="goodwill", user=agent, note="please")
    decline_adjustment(request=own, user=agent)
    assert Notice.objects.filter(user=agent).count() == 1
    assert asked.filter(read_at=None).count() == 0


@pytest.mark.parametrize(
    ("limits", "field", "code"),
    [
        (Limits(600, 500, 1), "points_per_act", "above_day"),
        (Limits(-1, 500, 1), "points_per_act", "invalid"),
        (Limits(1, 10_000_001, 1), "points_per_day", "invalid"),
        (Limits(1, 2, 10_001), "coupons_per_day", "invalid"),
    ],
)
def test_limits_are_always_finite(account, limits, field, code):
    before = allowances.limits_of_roles()
    with pytest.raises(Invalid) as refused:
        set_limits(role=Role.LEAD.value, limits=limits, actor=SYSTEM)
    assert (refused.value.field, refused.value.code) == (field, code)
    with pytest.raises(Invalid) as refused:
        set_limits(role="king", limits=Limits(1, 2, 3), actor=SYSTEM)
    assert (refused.value.field, refused.value.code) == ("role", "invalid_choice")
    assert allowances.limits_of_roles() == before


@pytest.mark.django_db(transaction=True)
def test_parallel_approvals_stay_within_the_approvers_budget(account, staff):
    # given five requests of 400 above an agent's limit of 100, and a lead with 1,500 a day
    agent, lead = staff(Role.AGENT), staff(Role.LEAD)
    requests = [
        request_adjustment(account=account, points=400, reason="goodwill", user=agent, note=f"n{number}")
        for number in range(5)
    ]
    outcomes: list[str] = []

    def approve(number: int) -> None:
        try:
            approve_adjustment(request=requests[number], user=lead)
            outcomes.append("done")
        except DomainError as error:
            outcomes.append(error.code)

    # when all are approved in parallel
    storm(5, approve)

    # then three fit
    assert sorted(outcomes) == ["budget_spent"] * 2 + ["done"] * 3
    assert (available(account), AgentBudget.objects.get().given) == (1200, 1200)


@pytest.mark.django_db(transaction=True)
def test_parallel_reversals_take_the_points_once(account, staff):
    agent = staff(Role.AGENT)
    give(account, 500, "a", agent)
    give(account, 500, "b", agent)
    adjustment = AdjustmentRequest.objects.order_by("requested_at").first()
    outcomes: list[str] = []

    def undo(_number: int) -> None:
        try:
            reverse_adjustment(request=adjustment, user=agent)
            outcomes.append("done")
        except DomainError as error:
            outcomes.append(error.code)

    storm(6, undo)
    assert sorted(outcomes) == ["already_reversed"] * 5 + ["done"]
    assert (available(account), AgentBudget.objects.get().given) == (500, 500)
