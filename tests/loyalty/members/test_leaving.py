"""A lead suspends or ends a membership after its effect was shown; an agent redeems a reward for a member."""

import pytest
from django.urls import reverse

from core.base.actor import SYSTEM
from core.base.errors import Conflict, Invalid
from core.events.models import DomainEvent
from core.security.roles import Role
from loyalty.ledger.models import Entry, Lot
from loyalty.ledger.selectors import balances
from loyalty.ledger.services.leaving import end_membership
from loyalty.ledger.services.redemption import hold_points
from loyalty.program.models import Member
from loyalty.rewards.models import RewardRedemption

pytestmark = pytest.mark.django_db


def points(member):
    balance = balances.balance_of(balances.spendable_account(member))
    return (balance.available, balance.pending, balance.held)


def test_the_points_of_a_member_who_leaves_expire(member):
    assert points(member) == (1000, 0, 0)
    assert end_membership(member=member, actor=SYSTEM, note="Asked for it") == 1000
    assert points(member) == (0, 0, 0)
    assert Member.objects.get().state == "left"
    last = Entry.objects.order_by("pk").last()
    assert (last.kind, last.available) == ("expire", -1000)
    assert not Lot.objects.filter(open=True).exists()
    event = DomainEvent.objects.get(kind="loyalty.member_left")
    assert event.payload == {"member": member.pk, "points": 1000, "note": "Asked for it"}
    with pytest.raises(Conflict) as refused:
        end_membership(member=member, actor=SYSTEM)
    assert refused.value.code == "member_left"
    assert DomainEvent.objects.filter(kind="loyalty.member_left").count() == 1


def test_a_membership_with_an_open_hold_does_not_end(member):
    hold_points(account=balances.spendable_account(member), points=300, key="k", actor=SYSTEM)
    with pytest.raises(Conflict) as refused:
        end_membership(member=member, actor=SYSTEM)
    assert refused.value.code == "open_holds"
    assert (Member.objects.get().state, points(member)) == ("active", (700, 0, 300))


def test_a_note_that_is_too_long_is_refused(member):
    with pytest.raises(Invalid) as refused:
        end_membership(member=member, actor=SYSTEM, note="x" * 401)
    assert (refused.value.code, refused.value.field) == ("too_long", "note")
    assert (Member.objects.get().state, points(member)) == ("active", (1000, 0, 0))


@pytest.mark.parametrize(("name", "after"), [("loyalty_suspend", "1,000"), ("loyalty_end", "0")])
def test_a_lead_sees_the_effect_and_an_agent_may_not(client, staff, member, name, after):
    url = reverse(name, args=[member.customer.number])
    client.force_login(staff(Role.AGENT))
    assert client.get(url).status_code == client.post(url, {"reason": "fraud"}).status_code == 403
    client.force_login(staff(Role.LEAD))
    effects = {str(effect.label): (effect.before, effect.after) for effect in client.get(url).context["effects"]}
    assert effects["Available points"] == ("1,000", after)
    assert "Journeys under way" in effects
    assert Member.objects.get().state == "active"
    client.post(url, {"reason": "fraud"})
    assert Member.objects.get().state == {"loyalty_suspend": "suspended", "loyalty_end": "left"}[name]


def test_an_agent_redeems_a_reward_for_a_member(client, staff, member, make_reward):
    tea, car = make_reward("privilege", name="Tea", points=300), make_reward("privilege", name="Car", points=5000)
    client.force_login(staff(Role.AGENT))
    offers = client.get(reverse("loyalty_redeem", args=[member.customer.number])).context["offers"]
    assert [(item.reward, bool(item.reason)) for item in offers] == [(tea, False), (car, True)]
    url = reverse("loyalty_redeem_reward", args=[member.customer.number, tea.pk])
    page = client.get(url)
    assert (page.context["effects"][0].before, page.context["effects"][0].after) == ("1,000", "700")
    assert RewardRedemption.objects.count() == 0
    key = page.context["form"]["key"].value()
    for _twice in range(2):
        done = client.post(url, {"key": key})
        assert done.url == reverse("redemption", args=[RewardRedemption.objects.get().pk])
    assert points(member) == (700, 0, 0)


def test_a_refused_redemption_changes_nothing(client, staff, member, make_reward):
    car = make_reward("privilege", name="Car", points=5000)
    url = reverse("loyalty_redeem_reward", args=[member.customer.number, car.pk])
    client.force_login(staff(Role.AGENT))
    assert client.post(url, {"key": "k"}).context["form"].errors
    assert (RewardRedemption.objects.count(), points(member)) == (0, (1000, 0, 0))
    client.force_login(staff(Role.MARKETER))
    assert client.post(url, {"key": "k"}).status_code == 403


def test_the_points_tab_shows_lots_holds_and_running_balances(client, staff, member):
    hold_points(account=balances.spendable_account(member), points=300, key="k", actor=SYSTEM, reference="Cart 7")
    client.force_login(staff(Role.ANALYST))
    page = client.get(reverse("customer", args=[member.customer.number]), {"tab": "points"})
    statement = {panel.name: panel for panel in page.context["panels"]}["points"].values["statement"]
    assert [row.balance for row in statement.rows] == [1000, 1000]
    assert [row.change for row in statement.rows] == [0, 1000]
    assert [(hold.points, reference) for hold, reference in statement.holds] == [(300, "Cart 7")]
    assert sum(row.lot.remaining for row in statement.lots) == 700
