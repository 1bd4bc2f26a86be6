"""Tests of earning rules over the API: the rules in words, quotes of a cart, referrers."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from crm.orders.models import Product
from loyalty.earning.models import EarningUse
from loyalty.program.models import Member, PointType
from tests.loyalty.earning.samples import earned

pytestmark = pytest.mark.django_db


def test_the_rules_are_listed_in_words(api, program, make_rule):
    make_rule(
        "Coffee days", points=2, per_amount=100,
        conditions=[{"kind": "category", "categories": ["Coffee"]}, {"kind": "weekday", "days": [3]}],
        caps=[{"period": "day", "scope": "member", "points": 1_000},
              {"period": "ever", "scope": "rule", "points": 9_999}],
    )  # fmt: skip
    make_rule("Double", stacking="multiply", factor="2")
    make_rule("Over", points=5, rule={"ends_at": timezone.now() - timedelta(days=1)})
    make_rule("Row", points=5, per_amount=None, streak_days=7, rule={"trigger": "activity", "event_kind": "check_in"})
    rules = api.get("/api/v1/earning-rules", HTTP_ACCEPT_LANGUAGE="en").json()["results"]
    assert [(rule["name"], rule["text"]) for rule in rules] == [
        ("Points for orders", "1 point per ¥1.00"),
        ("Coffee days", "2 points per ¥1.00 · on Coffee · every Wednesday · at most 1,000 points a day"),
        ("Double", "all other points × 2"),
        ("Row", "5 points for 7 days in a row"),
    ]
    coffee = rules[1]
    assert coffee["limits"] == [{"period": "day", "points": 1_000}]
    assert (coffee["version"], coffee["per_amount"], coffee["point_type"]["code"]) == (1, 100, "points")


def test_a_rule_for_a_segment_is_not_listed(api, program, make_rule, make_customer):
    from analytics.segments.services.segments import create_segment
    from core.base.actor import SYSTEM

    rule = {"op": "and", "children": [{"condition": "order_count", "operator": "gte", "value": 1}]}
    segment = create_segment(name="Secret", rule=rule, actor=SYSTEM)
    make_rule("Secret", points=5, per_amount=None, conditions=[{"kind": "segment", "segment": segment.pk}])
    rules = api.get("/api/v1/earning-rules").json()["results"]
    assert [rule["name"] for rule in rules] == ["Points for orders"]


def test_a_quote_equals_what_the_order_earns(api, program, member, make_order, make_rule, settle):
    # given rules that need lines and channel, a limit half used, and growth value
    growth = PointType.objects.create(program=program, code="growth", name="Growth", spendable=False)
    make_rule("Coffee", points=2, per_amount=100, conditions=[{"kind": "category", "categories": ["Coffee"]}])
    make_rule("App", points=30, per_amount=None, conditions=[{"kind": "channel", "channels": ["app"]}])
    make_rule("Double", stacking="multiply", factor="2", caps=[{"period": "ever", "scope": "member", "points": 100}])
    make_rule("Growth", point_type=growth, points=1, per_amount=100)
    Product.objects.create(sku="BEANS", category="Coffee/Beans")
    make_order(member.customer, 40_00)
    settle()
    program.redeem_share_percent = 0
    program.save()
    before = list(EarningUse.objects.values_list("points", flat=True))
    # when
    url = f"/api/v1/members/{member.customer.number}/points/quote"
    cart = {"amount": 50_00, "channel": "app", "lines": [{"sku": "BEANS", "amount": 50_00}]}
    quote = api.post(url, cart, format="json").json()
    # then 50 + 100 + 30, and of 180 more only 60 fit
    assert {one["name"]: (one["points"], one["cut"]) for one in quote["earned"]} == {
        "Points for orders": (50, 0), "Coffee": (100, 0), "App": (30, 0), "Double": (60, 120), "Growth": (50, 0),
    }  # fmt: skip
    assert quote["points_earned"] == 240
    assert list(EarningUse.objects.values_list("points", flat=True)) == before
    order = make_order(member.customer, 50_00, sku="BEANS", category="Coffee/Beans", channel="app")
    settle()
    assert earned(order) == {one["name"]: one["points"] for one in quote["earned"]}
    # and without lines or channel those rules give nothing
    bare = api.post(url, {"amount": 50_00}, format="json").json()
    assert {one["name"] for one in bare["earned"]} == {"Points for orders", "Double", "Growth"}


def test_the_referrer_is_set_at_enrolment_and_never_changes(api, member, make_customer):
    friend, other = make_customer(), make_customer()
    body = {"customer": friend.number, "referred_by": member.customer.number}
    assert api.post("/api/v1/members", body, format="json").status_code == 200
    assert Member.objects.get(customer=friend).referred_by == member
    # a second call with another referrer changes nothing
    again = {"customer": friend.number, "referred_by": ""}
    assert api.post("/api/v1/members", again, format="json").status_code == 200
    assert Member.objects.get(customer=friend).referred_by == member
    wrong = api.post("/api/v1/members", {"customer": other.number, "referred_by": "C999999"}, format="json")
    assert (wrong.status_code, wrong.json()["errors"][0]["code"]) == (400, "unknown_referrer")
    assert not Member.objects.filter(customer=other).exists()
