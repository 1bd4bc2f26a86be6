"""Tests of tiers in the console: tiers, their benefits, the policy, a member's tier by hand, permissions (P4)."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from django.urls import reverse

from core.base.actor import SYSTEM
from core.jobs.models import Job
from core.jobs.services import run_job
from core.security.roles import Role
from loyalty.tiers.models import BenefitGrant, GivenTier, Tier, TierBenefit
from loyalty.tiers.services.benefits import create_benefit
from loyalty.tiers.services.set_tiers import set_tier
from tests.loyalty.tiers.samples import intervals, later, tier, tier_of

pytestmark = pytest.mark.django_db
FIELDS = {
    "name": "Diamond", "name_zh": "钻石会员", "rank": "5", "threshold": "9999.50", "multiplier": "2",
    "paid_days": "365",
}  # fmt: skip


@pytest.fixture
def marketer(client, staff):
    client.force_login(staff(Role.MARKETER, "marketer"))
    return client


@pytest.fixture
def lead(client, staff):
    client.force_login(staff(Role.LEAD, "lead"))
    return client


def text(response) -> str:
    return response.content.decode()


def confirmed(client, response):
    """Run the dry run to which a form led, and save its change. Return the page after that."""
    job = Job.objects.order_by("-pk").first()
    assert response.url == reverse("loyalty_dry_run", args=[job.pk])
    run_job(job)
    return client.post(reverse("loyalty_dry_run_apply", args=[job.pk]), follow=True)


def test_a_tier_is_created_and_changed_in_major_units(marketer, program):
    page = confirmed(marketer, marketer.post(reverse("loyalty_tier_new"), {**FIELDS, "paid_price": "299"}))
    diamond = Tier.objects.get(code="diamond")
    assert (diamond.rank, diamond.threshold, diamond.multiplier, diamond.paid_price) == (5, 999_950, Decimal(2), 29_900)
    assert "¥9,999.50" in text(page)
    assert 'value="9999.50"' in text(marketer.get(reverse("loyalty_tier_edit", args=[diamond.pk])))
    edit = reverse("loyalty_tier_edit", args=[diamond.pk])
    confirmed(marketer, marketer.post(edit, {**FIELDS, "threshold": "8000", "paid_price": ""}))
    diamond.refresh_from_db()
    assert (diamond.threshold, diamond.paid_price) == (800_000, None)
    # and a name is saved at once
    marketer.post(edit, {**FIELDS, "threshold": "8000", "name_zh": "钻石"})
    diamond.refresh_from_db()
    assert diamond.name_zh == "钻石"


def test_a_taken_rank_is_reported_at_its_field_and_nothing_is_created(marketer, program):
    page = marketer.post(reverse("loyalty_tier_new"), {**FIELDS, "rank": "4"})
    assert "Another tier has this rank." in text(page)
    assert not Tier.objects.filter(code="diamond").exists()


def test_orders_are_typed_as_a_number(marketer, program):
    program.tier_metric = "orders"
    program.save()
    page = marketer.get(reverse("loyalty_tier_new"))
    assert "Number of orders from" in text(page)
    confirmed(marketer, marketer.post(reverse("loyalty_tier_new"), {**FIELDS, "threshold": "12"}))
    assert Tier.objects.get(code="diamond").threshold == 12


def test_the_policy_is_changed(marketer, program):
    values = {
        "tier_metric": "growth", "tier_period": "calendar_year", "tier_window_days": "365",
        "tier_downgrade": "one_step", "tier_grace_days": "30",
    }  # fmt: skip
    page = confirmed(marketer, marketer.post(reverse("loyalty_tier_policy"), values))
    program.refresh_from_db()
    assert (program.tier_metric, program.tier_period, program.tier_downgrade, program.tier_grace_days) == (
        "growth", "calendar_year", "one_step", 30,
    )  # fmt: skip
    assert "Calendar year" in text(page)
    refused = marketer.post(reverse("loyalty_tier_policy"), {**values, "tier_period": "moon", "tier_grace_days": "5"})
    program.refresh_from_db()
    assert (refused.status_code, program.tier_grace_days) == (200, 30)


def test_the_list_shows_members_and_benefits(marketer, program, member):
    set_tier(member=member, tier=tier(program, "gold"), until=later(9), reason="goodwill", actor=SYSTEM)
    create_benefit(tier=tier(program, "gold"), kind="points_birthday", settings={"points": 100}, actor=SYSTEM)
    page = text(marketer.get(reverse("loyalty_tiers")))
    assert "100 points on your birthday" in page
    assert f'href="{reverse("loyalty_members")}?tier=gold">1</a>' in page
    assert "Not evaluated yet." in page


def test_a_benefit_is_added_changed_and_switched(marketer, program):
    gold = tier(program, "gold")
    action = reverse("loyalty_benefit_new", args=[gold.pk])
    # the form shows the settings of the kind
    part = text(marketer.post(action, {"kind": "free_shipping", "do": "look"}, headers={"HX-Request": "true"}))
    assert 'name="setting_from_amount"' in part
    marketer.post(action, {"kind": "free_shipping", "setting_from_amount": "99.50", "position": "1"})
    benefit = TierBenefit.objects.get()
    assert (benefit.tier, benefit.settings, benefit.position) == (gold, {"from_amount": 9_950}, 1)
    edit = reverse("loyalty_benefit_edit", args=[benefit.pk])
    assert 'value="99.50"' in text(marketer.get(edit))
    marketer.post(edit, {"setting_from_amount": "0"})
    marketer.post(reverse("loyalty_benefit_switch", args=[benefit.pk]))
    benefit.refresh_from_db()
    assert (benefit.settings, benefit.active) == ({"from_amount": 0}, False)
    assert "Switched off" in text(marketer.get(reverse("loyalty_tier", args=[gold.pk])))
    refused = marketer.post(edit, {"setting_from_amount": "-1"})
    benefit.refresh_from_db()
    assert (refused.status_code, benefit.settings) == (200, {"from_amount": 0})


def test_a_failed_grant_is_shown_and_retried(marketer, program, member):
    benefit = create_benefit(tier=tier(program, "gold"), kind="points_birthday", settings={"points": 7}, actor=SYSTEM)
    grant = BenefitGrant.objects.create(
        benefit=benefit, member=member, key="birthday:2026", state="given_up", error="no account", attempts=11
    )
    assert "no account" in text(marketer.get(reverse("loyalty_tier", args=[benefit.tier_id])))
    page = marketer.post(reverse("loyalty_benefit_retry", args=[grant.pk]), follow=True)
    grant.refresh_from_db()
    assert (grant.state, grant.outcome) == ("given", {"points": 7})
    assert "The benefit was given." in text(page)


def test_a_lead_sets_a_tier_by_hand_to_the_end_of_a_day(lead, program, member):
    day = later(40).astimezone(ZoneInfo(program.time_zone)).date()
    number = member.customer.number
    values = {"tier": tier(program, "gold").pk, "until": f"{day}", "reason": "goodwill", "lock": "on", "note": "Sorry"}
    lead.post(reverse("loyalty_give_tier", args=[number]), values)
    assert (tier_of(member), intervals(member)) == ("gold", [("gold", "manual", True)])
    given_tier = GivenTier.objects.get()
    assert given_tier.locked
    local = given_tier.ends_at.astimezone(ZoneInfo(program.time_zone))
    assert (local - datetime.combine(day, datetime.min.time(), local.tzinfo)).days == 1
    page = text(lead.get(reverse("customer", args=[number]), {"tab": "membership"}))
    assert "Locked" in page
    assert "Sorry" in page
    assert "Set the tier by hand" in page
    lead.post(reverse("loyalty_release_tier", args=[number]))
    assert tier_of(member) == ""


def test_a_day_in_the_past_changes_nothing(lead, program, member):
    values = {"tier": tier(program, "gold").pk, "until": "2020-01-01", "reason": "goodwill"}
    page = lead.post(reverse("loyalty_give_tier", args=[member.customer.number]), values, follow=True)
    assert "Choose an end in the future, within ten years." in text(page)
    assert (tier_of(member), GivenTier.objects.count()) == ("", 0)


def test_an_agent_sees_the_panel_without_the_form(client, staff, program, member):
    client.force_login(staff(Role.AGENT))
    page = text(client.get(reverse("customer", args=[member.customer.number]), {"tab": "membership"}))
    assert "Spend ¥1.00 more to reach Bronze" in page
    assert "Set the tier by hand" not in page


def test_the_list_is_searched_sorted_and_has_a_menu(marketer, program, staff):
    page = marketer.get(reverse("loyalty_tiers"))

    def names(**query) -> list[str]:
        return [row.row.item.code for row in marketer.get(reverse("loyalty_tiers"), query).context["rows"]]

    ranked = [row.code for row in Tier.objects.filter(program=program).order_by("-rank")]
    assert names() == ranked
    assert names(sort="threshold") == ranked[::-1]
    assert names(q="gold") == ["gold"]
    assert [str(entry.label) for entry in page.context["rows"][0].menu] == ["Edit", "Dry run", "Export"]
    # those who only read tiers get no such entries
    marketer.force_login(staff(Role.AGENT))
    assert [str(entry.label) for entry in marketer.get(reverse("loyalty_tiers")).context["rows"][0].menu] == ["Export"]


def test_a_dry_run_of_the_present_rules_offers_nothing_to_save(marketer, program, member, make_order):
    # given a member whose spend reaches gold since the last evaluation
    gold = tier(program, "gold")
    make_order(member.customer, gold.threshold)
    before = list(Tier.objects.order_by("pk").values())
    # when the menu of a tier starts a dry run
    answer = marketer.post(reverse("loyalty_tier_dry_run", args=[gold.pk]))
    job = Job.objects.get()
    run_job(job)
    page = text(marketer.get(answer.url))
    # then both columns say the same, and nothing can be saved or has changed
    figures = Job.objects.get().result["figures"]
    assert (figures["up"], figures["up_anyway"], figures["down"]) == (1, 1, 0)
    assert "1 member moves up and 0 members move down with the next evaluation." in page
    assert "Save the change" not in page
    assert list(Tier.objects.order_by("pk").values()) == before
