"""Tests of the sentence about a tier: what to do, by when, for which tier, and when it is empty."""

from __future__ import annotations

from datetime import date

import pytest
from django.utils import timezone, translation

from core.base.actor import SYSTEM
from loyalty.program import selectors
from loyalty.program.models import Member, MemberState
from loyalty.tiers.models import Tier
from loyalty.tiers.rules import TierGoal
from loyalty.tiers.selectors.standing import TierStanding, goal_text, standing
from loyalty.tiers.services.benefits import create_benefit
from loyalty.tiers.services.set_tiers import set_tier
from tests.loyalty.tiers.samples import later, tier

pytestmark = pytest.mark.django_db
YEAR = timezone.now().year


@pytest.fixture
def bought(program, make_customer, make_order, settle):
    """Return bought(30_000), which makes a member with orders of these amounts."""

    def make(*amounts: int, **values) -> Member:
        customer = make_customer("Ann")
        for amount in amounts:
            make_order(customer, amount, **values)
        settle()
        return selectors.member_of(customer)

    return make


SENTENCES = [
    ("spend", 32_000, True, True, "Spend ¥320.00 more by December 31 to reach Gold"),
    ("spend", 32_000, True, False, "Spend ¥320.00 more to reach Gold"),
    ("spend", 32_000, False, True, "Spend ¥320.00 more by December 31 to stay Gold"),
    ("spend", 32_000, False, False, "Spend ¥320.00 more to stay Gold"),
    ("orders", 1, True, True, "Place 1 more order by December 31 to reach Gold"),
    ("orders", 2, True, False, "Place 2 more orders to reach Gold"),
    ("orders", 2, False, True, "Place 2 more orders by December 31 to stay Gold"),
    ("orders", 1, False, False, "Place 1 more order to stay Gold"),
    ("growth", 1_200, True, True, "Collect 1,200 more growth value by December 31 to reach Gold"),
    ("growth", 1_200, True, False, "Collect 1,200 more growth value to reach Gold"),
    ("growth", 1_200, False, True, "Collect 1,200 more growth value by December 31 to stay Gold"),
    ("growth", 1_200, False, False, "Collect 1,200 more growth value to stay Gold"),
    ("spend", 0, False, True, "Gold until December 31"),
    ("spend", 0, False, False, ""),
    ("spend", 0, True, True, ""),
    ("spend", 0, True, False, ""),
]


@pytest.mark.parametrize(("metric", "left", "up", "by", "text"), SENTENCES)
def test_each_metric_has_its_sentences(program, metric, left, up, by, text):
    program.tier_metric = metric
    goal = TierGoal(10, 10 + left, left, date(YEAR, 12, 31) if by else None)
    with translation.override("en"):
        assert goal_text(program, goal, tier(program, "gold"), up=up) == text
        assert goal_text(program, None, tier(program, "gold"), up=up) == ""
        assert goal_text(program, goal, None, up=up) == ""


def test_the_first_tier_has_no_sentence_while_it_has_no_benefits(bought):
    # given one order of 300 in Bronze, which needs 1.00 and has no benefits
    shown = standing(bought(30_000))
    # then the sentence is empty, but the day until which the tier is certain is still there
    assert (shown.member.tier.code, shown.lowest, shown.at_stake, shown.stay.left) == ("bronze", True, False, 100)
    assert shown.stay_text == ""
    assert shown.until is not None


def test_the_first_tier_with_benefits_asks_for_an_order(program, bought):
    # given a Bronze with birthday points, lost a year after the only order
    create_benefit(tier=tier(program, "bronze"), kind="points_birthday", settings={"points": 10}, actor=SYSTEM)
    shown = standing(bought(30_000))
    with translation.override("en"):
        day = shown.stay_text.removeprefix("Order by ").removesuffix(" to stay Bronze")
    assert (shown.at_stake, str(shown.stay.by.year) in day) == (True, True)
    # with the metric orders it is the same sentence; with a meaningful threshold the amount is named
    program.tier_metric = "orders"
    bronze = Tier(program=program, code="bronze", name="Bronze", rank=1, threshold=1)
    goal = TierGoal(1, 1, 1, date(YEAR, 12, 31))
    member = Member(program=program, tier=bronze)
    with translation.override("en"):
        assert (
            TierStanding(member, None, None, None, None, None, goal, True).stay_text
            == "Order by December 31 to stay Bronze"
        )
        bronze.threshold = 3
        assert (
            TierStanding(member, None, None, None, None, None, goal, True).stay_text
            == "Place 1 more order by December 31 to stay Bronze"
        )
    with translation.override("zh-hans"):
        bronze.threshold = 1
        assert "Order" not in TierStanding(member, None, None, None, None, None, goal, True).stay_text


def test_a_first_tier_without_a_threshold_is_never_lost(program, bought):
    create_benefit(tier=tier(program, "bronze"), kind="points_birthday", settings={"points": 10}, actor=SYSTEM)
    member = bought(30_000)
    Tier.objects.filter(pk=member.tier_id).update(threshold=0)
    shown = standing(selectors.member_of(member.customer))
    assert (shown.at_stake, shown.stay_text) == (False, "")


def test_a_higher_tier_names_the_amount(bought):
    shown = standing(bought(60_000))
    with translation.override("en"):
        assert shown.stay_text.startswith("Spend ¥501.00 more by ")
        assert shown.stay_text.endswith(" to stay Silver")


def test_a_tier_by_hand_has_no_sentence(program, bought):
    member = bought(30_000)
    set_tier(member=member, tier=tier(program, "gold"), until=later(9), reason="goodwill", actor=SYSTEM)
    shown = standing(selectors.member_of(member.customer))
    assert (shown.stay, shown.stay_text) == (None, "")


def test_a_suspended_member_has_no_sentence(bought):
    member = bought(60_000)
    member.state = MemberState.SUSPENDED
    shown = standing(member)
    assert (shown.stay_text, shown.progress_text) == ("", "")
