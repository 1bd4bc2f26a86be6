"""Tests of a member's tier over the API: benefits in words, what is missing and by when."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone, translation
from rest_framework.test import APIClient

from core.base.actor import SYSTEM
from crm.customers.api.authentication import make_member_token
from crm.orders.models import Product
from loyalty.ledger.services.enrolment import enrol_member
from loyalty.program import selectors
from loyalty.program.models import Member
from loyalty.tiers.models import GivenTier, Tier
from loyalty.tiers.rules import Counted, TierGoal, TierPeriodPolicy, goal_stay, goal_up, windows
from loyalty.tiers.selectors.standing import benefits_of, goal_text, standing
from loyalty.tiers.services.benefits import create_benefit
from loyalty.tiers.services.evaluation import evaluate_tiers
from loyalty.tiers.services.set_tiers import set_tier
from tests.loyalty.tiers.samples import later, tier, tier_of

pytestmark = pytest.mark.django_db
SHANGHAI = ZoneInfo("Asia/Shanghai")


@pytest.fixture
def spent(program, make_customer, make_order, settle):
    """Return spent(218_000, paid_at=...), which makes a member."""

    def make(*amounts: int, **values) -> Member:
        customer = make_customer("Ann")
        for amount in amounts:
            make_order(customer, amount, **values)
        settle()
        return selectors.member_of(customer)

    return make


def ask(api, member, path: str = "", **values):
    return api.get(f"/api/v1/members/{member.customer.number}/tier{path}", **values).json()


# Pure goals

NOON = datetime(2026, 3, 10, 4, tzinfo=UTC)


def goals(period: str, counted: list[tuple[int, int]], need: int, grace: int = 0, since: int = 100):
    """Return the goals of a member who has been in the tier for `since` days, by (days ago, value)."""
    policy = TierPeriodPolicy(period, 365, grace, "Asia/Shanghai")
    spans = windows(policy, NOON, NOON - timedelta(days=800), NOON - timedelta(days=since))
    rows = [Counted(NOON - timedelta(days=days), value) for days, value in counted]
    return goal_up(policy, spans, rows, need, NOON), goal_stay(policy, spans, rows, need, NOON)


def test_rolling_goals_run_until_the_first_value_leaves_the_window():
    up, stay = goals("rolling", [(10, 300), (200, 400), (364, 100)], 1_000)
    assert up == TierGoal(800, 1_000, 200, date(2026, 3, 10))
    assert stay == TierGoal(800, 1_000, 200, date(2026, 3, 10))
    _up, stay = goals("rolling", [(10, 300), (200, 400), (364, 100)], 500, grace=30)
    # 100 expire first and 700 are left; without the 400 of 200 days ago it is not enough
    assert stay == TierGoal(800, 500, 200, date(2026, 9, 20))
    assert goals("rolling", [], 500)[0] == TierGoal(0, 500, 500, None)


def test_calendar_goals_run_to_the_end_of_december():
    up, stay = goals("calendar_year", [(10, 300), (100, 900)], 1_000)
    assert up == TierGoal(300, 1_000, 700, date(2026, 12, 31))
    assert stay == TierGoal(300, 1_000, 700, date(2026, 12, 31))
    # the present value already keeps the tier to the end of the next year
    assert goals("calendar_year", [(10, 1_000)], 1_000)[1] == TierGoal(1_000, 1_000, 0, date(2027, 12, 31))
    # within the grace, the ended year still decides
    assert goals("calendar_year", [(10, 300), (100, 500)], 1_000, grace=90)[1] == TierGoal(
        800, 1_000, 200, date(2026, 3, 31)
    )


def test_anniversary_goals_use_the_tiers_own_year():
    up, stay = goals("tier_anniversary", [(10, 300), (100, 200), (300, 400)], 1_000, since=200)
    assert up == TierGoal(900, 1_000, 100, date(2026, 5, 14))
    assert stay == TierGoal(500, 1_000, 500, date(2026, 8, 21))


# The API


def test_progress_gives_the_missing_amount_and_the_date(program, api, spent):
    # given
    program.tier_period = "calendar_year"
    program.save()
    member = spent(168_100)
    # when
    body = ask(api, member)
    # then
    year = timezone.now().astimezone(SHANGHAI).year
    assert body["tier"] == {"code": "silver", "name": "Silver", "rank": 2}
    assert (body["reason"], body["locked"], body["until"]) == ("qualified", False, f"{year + 1}-12-31")
    assert body["progress"] == {
        "tier": "gold",
        "name": "Gold",
        "metric": "spend",
        "have": 168_100,
        "need": 200_100,
        "left": 32_000,
        "by": f"{year}-12-31",
        "text": "Spend ¥320.00 more by December 31 to reach Gold",
    }
    assert body["stay"]["left"] == 0
    card = api.get(f"/api/v1/members/{member.customer.number}").json()
    assert card["next_tier"] == {
        "code": "gold",
        "name": "Gold",
        "missing": 32_000,
        "text": "Spend ¥320.00 more by December 31 to reach Gold",
    }


def test_sentences_are_in_the_viewers_language(program, api, spent):
    program.tier_period = "calendar_year"
    program.save()
    member = spent(168_100)
    create_benefit(tier=tier(program, "silver"), kind="points_birthday", settings={"points": 100}, actor=SYSTEM)
    body = ask(api, member, HTTP_ACCEPT_LANGUAGE="zh-hans")
    assert body["progress"]["text"] == "12月31日前再消费¥320.00即可升级为金卡会员"
    assert [one["words"] for one in body["benefits"]] == ["订单积分 1.1 倍", "生日赠送 100 积分"]


@pytest.mark.parametrize(
    ("metric", "left", "text"),
    [
        ("orders", 1, "Place 1 more order by December 31 to reach Gold"),
        ("orders", 3, "Place 3 more orders by December 31 to reach Gold"),
        ("growth", 1_200, "Collect 1,200 more growth value by December 31 to reach Gold"),
    ],
)
def test_other_metrics_have_their_own_words(program, metric, left, text):
    program.tier_metric = metric
    goal = TierGoal(0, left, left, date(timezone.now().year, 12, 31))
    with translation.override("en"):
        assert goal_text(program, goal, tier(program, "gold"), up=True) == text


def test_the_top_tier_has_no_progress_and_no_tier_has_nothing_to_keep(program, api, spent, member):
    platinum = ask(api, spent(600_000))
    assert (platinum["tier"]["code"], platinum["progress"]) == ("platinum", None)
    none = ask(api, member)
    assert (none["tier"], none["stay"], none["until"], none["benefits"]) == (None, None, None, [])
    assert (none["progress"]["tier"], none["progress"]["left"], none["progress"]["by"]) == ("bronze", 100, None)


def test_a_given_tier_is_certain_until_its_end(program, api, member):
    until = datetime(2027, 5, 1, 16, tzinfo=UTC)
    set_tier(member=member, tier=tier(program, "gold"), until=until, reason="goodwill", lock=True, actor=SYSTEM)
    body = ask(api, selectors.member_of(member.customer))
    assert (body["reason"], body["locked"], body["until"], body["stay"]) == ("manual", True, "2027-05-01", None)


def test_benefits_are_described_in_words(program, api, spent):
    gold = tier(program, "gold")
    for kind, settings in (
        ("points_birthday", {"points": 200}),
        ("free_shipping", {"from_amount": 9_900}),
        ("exclusive_products", {"name": "Reserve beans", "category": "Coffee/Reserve", "skus": []}),
        ("priority_service", {"priority": "3"}),
    ):
        create_benefit(tier=gold, kind=kind, settings=settings, actor=SYSTEM)
    with translation.override("en"):
        assert [one.words for one in benefits_of(gold)] == [
            "1.25× points on orders",
            "200 points on your birthday",
            "Free shipping from ¥99.00",
            "Reserve beans, for this tier and higher ones",
            "Your questions are answered first",
        ]
    member = spent(210_000)
    shipping = ask(api, member)["benefits"][2]
    assert (shipping["kind"], shipping["details"]) == ("free_shipping", {"from_amount": 9_900})


@pytest.mark.parametrize(("amount", "free"), [(9_899, False), (9_900, True)])
def test_the_quote_shows_whether_shipping_is_free(program, api, spent, amount, free):
    create_benefit(tier=tier(program, "gold"), kind="free_shipping", settings={"from_amount": 9_900}, actor=SYSTEM)
    path = "/api/v1/members/{}/points/quote"
    member, other = spent(210_000), spent(100)
    body = api.post(path.format(member.customer.number), {"amount": amount}, format="json").json()
    assert (body["free_shipping"], body["free_shipping_from"]) == (free, 9_900)
    body = api.post(path.format(other.customer.number), {"amount": amount}, format="json").json()
    assert (body["free_shipping"], body["free_shipping_from"]) == (False, None)


def test_exclusive_products_are_for_the_tier_and_higher_ones(program, api, spent):
    Product.objects.create(sku="R1", category="Coffee/Reserve/Geisha")
    Product.objects.create(sku="R2", category="Coffee/Reserved")
    settings = {"name": "Reserve", "category": "Coffee/Reserve", "skus": ["X1", "X2"]}
    create_benefit(tier=tier(program, "gold"), kind="exclusive_products", settings=settings, actor=SYSTEM)

    def allowed(member) -> dict:
        path = f"/api/v1/members/{member.customer.number}/tier/products"
        rows = api.post(path, {"skus": ["R1", "R2", "X2", "X3"]}, format="json").json()
        return {row["sku"]: (row["may_buy"], row["from_tier"]) for row in rows}

    assert allowed(spent(100)) == {
        "R1": (False, "gold"), "R2": (True, None), "X2": (False, "gold"), "X3": (True, None),
    }  # fmt: skip
    assert {may for may, _tier in allowed(spent(600_000)).values()} == {True}


def test_a_tier_is_bought_and_refunded_over_the_api(program, api, member):
    Tier.objects.filter(program=program, code="gold").update(paid_price=29_900)
    path = f"/api/v1/members/{member.customer.number}/tier/"

    def buy(key="k", **values):
        body = {"tier": "gold", "reference": "A1", **values}
        return api.post(path + "purchase", body, format="json", HTTP_IDEMPOTENCY_KEY=key)

    first = buy()
    assert (first.status_code, first.json()["amount"]) == (201, 29_900)
    assert buy().json() == first.json() == buy("other").json()
    assert buy(reference="A2").status_code == 409
    assert buy("k2", tier="silver", reference="A3").json()["errors"][0]["code"] == "tier_not_for_sale"
    assert buy("k3", tier="none", reference="A4").status_code == 404
    assert buy("", reference="A5").status_code == 400
    assert (tier_of(member), GivenTier.objects.count()) == ("gold", 1)
    refunded = api.post(path + "refund", {"reference": "A1"}, format="json")
    assert (refunded.status_code, refunded.json()["tier"]) == (200, "gold")
    assert api.post(path + "refund", {"reference": "A9"}, format="json").status_code == 404
    evaluate_tiers(program=program, downgrade=True, at=later(1))
    assert tier_of(member) == ""


def test_the_shown_date_agrees_with_the_nightly_evaluation(program, spent):
    """The last day shown to a storefront is the last day that the tier holds."""
    member = spent(150_000, 60_000, days_ago=100)
    shown = standing(member)
    assert (shown.stay.left, shown.stay.by) == (200_100, shown.until)
    noon = datetime.combine(shown.until, datetime.min.time(), SHANGHAI)
    assert evaluate_tiers(program=program, downgrade=True, at=noon) == (0, 0)
    assert evaluate_tiers(program=program, downgrade=True, at=noon + timedelta(days=2)) == (0, 1)


def test_tiers_for_sale_are_listed_with_price_and_benefits(api, program, make_customer):
    # given one tier with a price, lower and higher ones without
    Tier.objects.filter(program=program, code="gold").update(paid_price=19_900, paid_days=90)
    ann = make_customer("Ann")
    enrol_member(customer=ann, program=program, actor=SYSTEM)
    member = APIClient()
    member.credentials(HTTP_AUTHORIZATION="Bearer " + make_member_token(ann, source="storefront", seconds=60))
    # when
    rows = [client.get("/api/v1/tiers-for-sale").json() for client in (api, member)]
    # then server key and member get the same, except for the details of benefits
    for tiers_listed in rows:
        assert [(row["code"], row["price"], row["currency"], row["days"]) for row in tiers_listed] == [
            ("gold", 19_900, "CNY", 90)
        ]
    assert {frozenset(one) for one in rows[1][0]["benefits"]} <= {frozenset({"kind", "name", "words"})}
    # and when none is for sale the list is empty
    Tier.objects.update(paid_price=None)
    assert api.get("/api/v1/tiers-for-sale").json() == []


def test_pending_points_have_their_date_of_availability(api, program, make_customer, make_order, settle):
    # given a return window of 7 days, and two orders in it
    type(program).objects.filter(pk=program.pk).update(return_window_days=7)
    ann = make_customer("Ann")
    orders = [make_order(ann, amount, days_ago=days) for amount, days in ((10_000, 3), (5_000, 1))]
    settle()
    # when
    body = api.get(f"/api/v1/members/{ann.number}/points").json()
    # then the sum is split by date, soonest first
    dated = [(row["points"], datetime.fromisoformat(row["at"])) for row in body["becoming_available"]]
    assert dated == [(100, orders[0].paid_at + timedelta(days=7)), (50, orders[1].paid_at + timedelta(days=7))]
    assert (body["pending"], body["available"], body["currency"], body["expiring"]) == (150, 0, "CNY", [])
