"""L12: adjustments by hand name who and why, stay within a daily budget, and above a limit take two people."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from core.actor import SYSTEM, of_user
from core.errors import Conflict, DomainError, Invalid, Refused
from core.roles import Role
from loyalty.models import Account, AdjustmentRequest, AgentBudget, Entry
from loyalty.services.adjustments import adjust_points, approve_adjustment, decline_adjustment, request_adjustment
from loyalty.services.enrolment import enrol_member
from tests.threads import storm

pytestmark = pytest.mark.django_db


@pytest.fixture
def account(program, make_customer) -> Account:
    type(program).objects.filter(pk=program.pk).update(approval_above=1000, agent_daily_budget=1500)
    member = enrol_member(customer=make_customer(), program=program, actor=SYSTEM)
    return Account.objects.select_related("member__program").get(member=member)


def give(account: Account, points: int, key: str, user) -> None:
    adjust_points(account=account, points=points, reason="goodwill", key=key, actor=of_user(user))


def available(account: Account) -> int:
    return Account.objects.get(pk=account.pk).available


def test_a_day_has_a_budget_and_a_repeat_does_not_spend_it_twice(account, staff):
    # given a budget of 1,500 a day
    agent, other = staff(Role.AGENT), staff(Role.AGENT)

    # when 1,000 are given, and the same click comes again
    give(account, 1000, "a", agent)
    give(account, 1000, "a", agent)

    # then 500 are left: 501 are refused and change nothing, 500 fit, and someone else has their own
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


def test_above_the_limit_nothing_moves_until_someone_else_approves(account, staff):
    # given a limit of 1,000 for one person alone
    agent, lead = staff(Role.AGENT), staff(Role.LEAD)
    for points in (1001, -1001):
        with pytest.raises(Refused) as refused:
            give(account, points, f"k{points}", agent)
        assert (refused.value.code, refused.value.details) == ("needs_approval", {"limit": 1000})

    # when it is asked for, and the same person tries to approve it
    request = request_adjustment(
        account=account,
        points=5000,
        reason="goodwill",
        user=agent,
        note="Parcel lost twice",
        reference="Sorry for the wait",
    )
    with pytest.raises(Conflict) as conflict:
        approve_adjustment(request=request, user=agent)
    assert (conflict.value.code, available(account)) == ("own_request", 0)

    # then another's approval moves it once, and the entry names who asked
    approve_adjustment(request=request, user=lead, note="ok")
    with pytest.raises(Conflict) as conflict:
        approve_adjustment(request=request, user=lead)
    assert (conflict.value.code, available(account)) == ("request_decided", 5000)
    entry = Entry.objects.get()
    assert (entry.available, entry.actor) == (5000, f"user:{agent.pk}")
    assert (entry.reference, entry.note) == ("Sorry for the wait", "Parcel lost twice")
    request.refresh_from_db()
    assert (request.state, request.decided_by, request.decision_note) == ("approved", lead, "ok")


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
def test_the_budget_holds_against_clicks_at_once(account, staff):
    # given 1,500 for the day, and twenty clicks of 100 at once
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
