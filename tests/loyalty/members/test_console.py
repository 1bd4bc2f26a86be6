"""Tests of loyalty in the console: figures, members, adjusting by hand, permissions."""

from __future__ import annotations

import re

import pytest
from django.urls import reverse

from core.base.actor import SYSTEM
from core.security.roles import Role
from crm.desk.services import open_ticket
from loyalty.ledger.models import Account, AdjustmentRequest, Entry, Reconciliation
from loyalty.ledger.selectors import allowances, figures
from loyalty.ledger.selectors import balances as selectors
from loyalty.ledger.services.adjustments import adjust_points
from loyalty.ledger.services.enrolment import enrol_member
from loyalty.ledger.services.redemption import hold_points, redeem_points
from loyalty.members import selectors as members_selectors
from loyalty.program.models import Member
from loyalty.tiers.selectors import figures as tiers_figures

pytestmark = pytest.mark.django_db


@pytest.fixture
def member(program, make_customer) -> Member:
    return enrol_member(customer=make_customer("Anna Berg"), program=program, actor=SYSTEM)


def account_of(member: Member) -> Account:
    return selectors.spendable_account(member)


def give(member: Member, points: int, key: str = "first") -> None:
    adjust_points(account=account_of(member), points=points, reason="goodwill", key=key, actor=SYSTEM)


@pytest.fixture
def agent(client, staff):
    client.force_login(staff(Role.AGENT, "agent"))
    return client


def panel(client, member: Member, name: str = "loyalty") -> str:
    tab = {"loyalty": "points", "tier": "membership"}[name]
    page = client.get(reverse("customer", args=[member.customer.number]), {"tab": tab}).content.decode()
    return page[page.index(f'id="panel-{name}"') :].split("</section>")[0]


def key_in(text: str) -> str:
    return re.search(r'name="key" value="([0-9a-f-]{36})"', text)[1]


def adjust(client, member: Member, **data):
    return client.post(reverse("loyalty_adjust", args=[member.customer.number]), data)


def test_the_panel_shows_the_members_tier_and_points(agent, member, make_order, settle):
    make_order(member.customer, 60_000)
    settle()
    hold_points(account=account_of(member), points=100, key="hold", actor=SYSTEM)
    text = panel(agent, member)
    assert "Silver" in text
    assert re.search(r"Spend ¥1,401.00 more by .+ to reach Gold", panel(agent, member, "tier"))
    assert re.findall(r"<dd>([\d,]+)</dd>", text) == ["500", "0", "100"]
    assert "Available points pay for ¥5.00." in text
    assert "+600" in agent.get(reverse("customer", args=[member.customer.number]), {"tab": "points"}).content.decode()


def test_sending_the_adjustment_form_twice_gives_the_points_once(agent, member):
    data = {"points": "250", "reason": "goodwill", "reference": "Sorry for the wait", "note": "T10017, very angry"}
    data["key"] = key_in(panel(agent, member))
    assert adjust(agent, member, **data).status_code == 302
    assert adjust(agent, member, **data).status_code == 302
    entry = Entry.objects.get()
    assert (entry.kind, entry.available, entry.reason) == ("adjust", 250, "goodwill")
    assert (entry.reference, entry.note) == ("Sorry for the wait", "T10017, very angry")
    assert entry.actor.startswith("user:")
    assert account_of(member).available == 250


@pytest.mark.parametrize(
    "wrong",
    [
        {"points": "x"}, {"points": ""}, {"points": "0"}, {"points": "-1"}, {"reason": ""}, {"reason": "mood"},
        {"key": ""}, {"note": " "}, {"ticket": "T1"},
    ],
)  # fmt: skip
def test_a_wrong_adjustment_is_refused_and_the_typed_values_stay(agent, member, wrong):
    # given a form with one wrong value
    data = {"points": "5", "reason": "goodwill", "key": "k", "note": "A long story", **wrong}
    url = reverse("loyalty_adjust", args=[member.customer.number])

    # when it is sent, as a page and by the script
    page = agent.post(url, data)
    answer = agent.post(url, data, headers={"X-Stay": "yes"})

    # then the form comes back with its values, or only the errors, and nothing moved
    text = page.content.decode()
    assert page.status_code == 200
    assert "field-error" in text or "notice-bad" in text
    assert data["note"] in text
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["message"]
    assert Entry.objects.count() == 0


def test_adjusting_a_customer_who_is_no_member_is_404(agent, program, make_customer):
    assert (
        agent.post(
            reverse("loyalty_adjust", args=[make_customer().number]),
            {"points": "5", "reason": "goodwill", "note": "n", "key": "k"},
        ).status_code
        == 404
    )


def test_a_customer_becomes_a_member(agent, program, make_customer):
    customer = make_customer("Anna Berg")
    url = reverse("customer", args=[customer.number]) + "?tab=points"
    assert "Not a member yet." in agent.get(url).content.decode()
    agent.post(reverse("loyalty_enrol", args=[customer.number]))
    assert Member.objects.get().customer == customer
    assert "Not a member yet." not in agent.get(url).content.decode()


def test_liability_and_flow_are_exact(program, member, make_customer, make_order, settle):
    other = enrol_member(customer=make_customer(), program=program, actor=SYSTEM)
    make_order(member.customer, 60_000, days_ago=10)
    make_order(other.customer, 20_000, days_ago=60)
    settle()
    give(other, 50)
    give(other, -20, key="second")
    redeem_points(account=account_of(member), points=200, key="spend", actor=SYSTEM)
    hold_points(account=account_of(member), points=30, key="hold", actor=SYSTEM)
    liability = figures.liability(program)
    assert (liability.available, liability.pending, liability.held, liability.debt) == (
        600 - 200 - 30 + 200 + 30,
        0,
        30,
        0,
    )
    assert (liability.points, liability.worth) == (630, 630)
    assert figures.flow(program, 30) == figures.Flow(earned=600, spent=200, expired=0, adjusted=30, taken_back=0)


def test_tiers_are_counted_highest_first(program, member, make_customer, make_order, settle):
    make_order(member.customer, 60_000)
    settle()
    enrol_member(customer=make_customer(), program=program, actor=SYSTEM)
    assert [(row.code, row.count, row.share) for row in tiers_figures.tiers(program)] == [
        ("platinum", 0, 0),
        ("gold", 0, 0),
        ("silver", 1, 50),
        ("bronze", 0, 0),
        ("none", 1, 50),
    ]
    assert [row.customer_id for row in members_selectors.members(program, "silver")] == [member.customer_id]
    assert members_selectors.members(program, "none").count() == 1
    assert members_selectors.members(program, "").count() == 2


def test_the_administrator_runs_the_ledger_reconciliation(client, staff, member):
    give(member, 10)
    client.force_login(staff(Role.ADMINISTRATOR))
    assert "It has not run yet." in client.get(reverse("loyalty")).content.decode()
    page = client.post(reverse("loyalty_prove"), follow=True).content.decode()
    assert "All 1 accounts agree with the ledger." in page
    result = Reconciliation.objects.get()
    assert (result.account_count, result.difference_count) == (1, 0)
    assert "agrees" in client.get("/").content.decode()


def test_a_difference_is_on_the_home_page(client, staff, member):
    Reconciliation.objects.create(account_count=9, difference_count=2, differences=[], seconds=1)
    client.force_login(staff(Role.MARKETER))
    assert "Points accounts that differ" in client.get("/").content.decode()
    assert "2 of 9 accounts differ." in client.get(reverse("loyalty")).content.decode()


def test_pages_without_a_program_say_what_to_do(client, staff, db):
    client.force_login(staff(Role.AGENT))
    assert "There is no program yet" in client.get(reverse("loyalty")).content.decode()
    assert client.get(reverse("loyalty_members")).status_code == 302


@pytest.mark.parametrize(
    ("role", "adjusts", "proves"),
    [
        (Role.AGENT, True, False),
        (Role.LEAD, True, False),
        (Role.MARKETER, False, False),
        (Role.ANALYST, False, False),
        (Role.ADMINISTRATOR, True, True),
    ],
)
def test_every_role_sees_points_but_only_service_adjusts_and_administrators_reconcile(
    role, adjusts, proves, client, staff, member, make_customer
):
    newcomer = make_customer()
    client.force_login(staff(role))
    assert client.get(reverse("loyalty")).status_code == 200
    members = client.get(reverse("loyalty_members"), {"tier": "none"})
    assert "Anna Berg" in members.content.decode()
    assert ("Adjust points" in panel(client, member)) == adjusts
    refused = {True: 302, False: 403}
    assert adjust(client, member, points="5", reason="goodwill", note="n", key="k").status_code == refused[adjusts]
    assert client.post(reverse("loyalty_enrol", args=[newcomer.number])).status_code == refused[adjusts]
    assert client.post(reverse("loyalty_prove")).status_code == refused[proves]
    assert Entry.objects.count() == adjusts
    assert Member.objects.count() == 1 + adjusts
    assert Reconciliation.objects.count() == proves


def test_the_customer_list_narrows_to_a_tier(agent, member, make_customer, make_order, settle):
    make_order(member.customer, 60_000)
    settle()
    make_customer("Nobody Yet")
    silver = agent.get(reverse("customers"), {"tier": "silver"}).content.decode()
    assert "Anna Berg" in silver
    assert "Nobody Yet" not in silver
    outside = agent.get(reverse("customers"), {"tier": "no"}).content.decode()
    assert "Nobody Yet" in outside
    assert "Anna Berg" not in outside


def test_the_form_shows_the_rest_of_the_budget_and_the_page_offers_reversal(agent, member):
    # given an agent who gave 250 for a ticket
    ticket = open_ticket(customer=member.customer, subject="Where is it", text="?", actor=SYSTEM)
    url = reverse("loyalty_adjust", args=[member.customer.number])
    page = agent.get(reverse("ticket", args=[ticket.number])).content.decode()
    assert f'<option value="{ticket.number}" selected>' in page
    data = {"points": "250", "reason": "goodwill", "ticket": ticket.number, "key": "k"}
    answer = agent.post(url, data, headers={"X-Stay": "yes"})
    assert (answer.status_code, answer["X-Location"]) == (204, reverse("customer", args=[member.customer.number]))

    # then the panel says what is left, and names the author and the ticket
    text = " ".join(panel(agent, member).split())
    assert "Left today: 1,750 of 2,000 points. More than 500 points at once need approval by a second person." in text
    assert f'<a href="{reverse("ticket", args=[ticket.number])}">{ticket.number}</a>' in text
    adjustment = AdjustmentRequest.objects.get()
    assert (adjustment.ticket, adjustment.requested_by.username) == (ticket, "agent")

    # when it is reversed, then it can't be reversed again
    undo = reverse("loyalty_reverse", args=[adjustment.pk])
    assert undo in text
    done = agent.post(undo, {"next": reverse("ticket", args=[ticket.number])}, follow=True).content.decode()
    assert "Reversed: 250 points taken." in done
    assert account_of(member).available == 0
    assert undo not in panel(agent, member)


def test_the_newest_entries_are_sorted_by_their_time(agent, member, make_order, settle):
    # given an order of ten days ago that arrives after an adjustment of today
    give(member, 10)
    make_order(member.customer, 60_000, days_ago=10)
    settle()
    # then today's entry comes first
    assert [row.entry.kind for row in figures.entries(account_of(member))] == ["adjust", "earn"]


def test_administrators_set_the_limits_and_see_the_history(client, staff):
    # given an administrator on the page of limits
    client.force_login(staff(Role.ADMINISTRATOR, "boss"))
    url = reverse("giving_limits")
    assert "The defaults have not been changed." in client.get(url).content.decode()
    data = {
        f"{role}-{name}": str(getattr(limits, name))
        for role, limits in allowances.limits_of_roles().items()
        for name in ("points_per_act", "points_per_day", "coupons_per_day")
    }

    # when a wrong value is sent, then it stays in the form and nothing is saved
    wrong = client.post(url, {**data, "service_lead-points_per_day": "7", "service_agent-points_per_act": "300"})
    assert "The limit at once must not be above the limit a day." in wrong.content.decode()
    assert allowances.limits_of_roles()["service_agent"].points_per_act == 500

    # when the values are right, then the role has them, and the history shows author, new and old value
    assert client.post(url, {**data, "service_agent-points_per_act": "300"}).status_code == 302
    assert allowances.limits_of_roles()["service_agent"].points_per_act == 300
    text = " ".join(client.get(url).content.decode().split())
    assert "boss" in text
    assert "Points at once: 500 → 300" in text
    client.force_login(staff(Role.LEAD))
    assert client.get(url).status_code == 403


@pytest.mark.parametrize(
    ("metric", "heading", "figure"),
    [
        ("spend", "Qualifying spend", "¥12.00"),
        ("orders", "Qualifying orders", "1,200"),
        ("growth", "Growth value", "1,200"),
    ],
)
def test_the_members_list_shows_the_figure_of_the_programs_metric(agent, program, member, metric, heading, figure):
    # Given
    type(program).objects.update(tier_metric=metric)
    Member.objects.update(qualifying=1_200)
    # When
    page = agent.get(reverse("loyalty_members")).content.decode()
    # Then
    cell = re.search(rf'<td class="number" data-label="{heading}">\s*(.*?)\s*</td>', page, re.S)
    assert (cell[1], page.count("Qualifying spend") > 0) == (figure, metric == "spend")
