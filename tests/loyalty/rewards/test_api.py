"""Tests of rewards through the storefront's API: the catalogue, redeeming, cancelling (L7, L9, P4)."""

from __future__ import annotations

import uuid

import pytest
from rest_framework.test import APIClient

from core.base.actor import SYSTEM
from crm.customers.api.authentication import make_member_token
from loyalty.rewards.models import RewardRedemption
from loyalty.rewards.services.redemptions import ship_redemption
from loyalty.rewards.services.rewards import update_reward
from tests.loyalty.rewards.samples import ADDRESS, points_of, stock_of

pytestmark = pytest.mark.django_db


def base(member) -> str:
    return f"/api/v1/members/{member.customer.number}/rewards"


def redeem(client, member, reward="mug", key="k", **data):
    body = {"reward": reward, "address": ADDRESS, **data}
    headers = {"HTTP_IDEMPOTENCY_KEY": key} if key else {}
    return client.post(f"{base(member)}/redemptions", body, format="json", **headers)


def code_of(response) -> str:
    return response.json()["errors"][0]["code"]


@pytest.fixture
def own(member):
    client = APIClient()
    token = make_member_token(member.customer, source="storefront", seconds=60)
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")
    return client


@pytest.fixture
def mug(make_reward):
    return make_reward("gift", 300, name="Mug", name_zh="马克杯", stock=5, member_limit=2)


def test_the_catalogue_lists_prices_and_reasons(api, member, mug, make_reward):
    make_reward("voucher", 1_500, name="Phone credit", codes="A\nB", stock=9, position=1)
    rows = api.get(base(member)).json()["results"]
    assert [(row["code"], row["can_redeem"], row["reason"], row["missing"], row["left"]) for row in rows] == [
        ("mug", True, "", 0, 5),
        ("phone-credit", False, "insufficient_points", 500, 2),
    ]
    assert rows[0] == {
        "code": "mug", "kind": "gift", "name": "Mug", "description": "", "category": None, "picture": None,
        "points": 300, "money": 0, "currency": "CNY", "left": 5, "limit": 2, "used": 0, "minimum_tier": None,
        "starts_at": None, "ends_at": None, "needs_address": True, "can_redeem": True, "reason": "", "missing": 0,
    }  # fmt: skip
    chinese = api.get(base(member), HTTP_ACCEPT_LANGUAGE="zh-hans").json()["results"]
    assert chinese[0]["name"] == "马克杯"


def test_the_catalogue_is_paged(api, member, make_reward):
    for number in range(5):
        make_reward("donation", 10, name=f"R{number}", position=number)
    first = api.get(f"{base(member)}?limit=3").json()
    second = api.get(first["next"]).json()
    assert [row["code"] for row in first["results"] + second["results"]] == ["r0", "r1", "r2", "r3", "r4"]


def test_redeeming_twice_with_one_key_has_one_effect_and_the_same_bytes(api, member, mug):
    first, again = redeem(api, member), redeem(api, member)
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.content == first.content
    assert (first.json()["state"], first.json()["points"], first.json()["code"]) == ("placed", 300, None)
    ship_redemption(redemption=RewardRedemption.objects.get(), tracking="SF1", actor=SYSTEM)
    assert redeem(api, member).content == first.content
    other = redeem(api, member, address={**ADDRESS, "city": "Beijing"})
    assert (other.status_code, code_of(other)) == (409, "idempotency_key_reused")
    assert (points_of(member), stock_of(mug)) == ((700, 0), 4)


def test_a_repeated_redemption_of_a_voucher_returns_its_code_again(api, member, make_reward):
    make_reward("voucher", 300, name="Credit", codes="AAA\nBBB")
    first, again = redeem(api, member, "credit"), redeem(api, member, "credit")
    assert (first.json()["code"], first.json()["state"]) == ("AAA", "fulfilled")
    assert again.content == first.content


def test_redeeming_without_a_key_is_400_and_nothing_moves(api, member, mug):
    response = redeem(api, member, key="")
    assert (response.status_code, code_of(response)) == (400, "idempotency_key_missing")
    assert (points_of(member), stock_of(mug)) == ((1_000, 0), 5)


@pytest.mark.parametrize(
    ("changes", "data", "status", "code"),
    [
        ({"active": False}, {}, 422, "reward_not_active"),
        ({"stock": 0}, {}, 422, "out_of_stock"),
        ({"points": 1_001}, {}, 422, "insufficient_points"),
        ({"money": 100}, {}, 422, "payment_required"),
        ({}, {"address": None}, 400, "null"),
        ({}, {"reward": "teapot"}, 404, "unknown_reward"),
        ({}, {"reference": "x" * 201}, 400, "max_length"),
    ],
)
def test_a_refusal_names_its_reason_and_moves_nothing(api, member, mug, changes, data, status, code):
    update_reward(reward=mug, actor=SYSTEM, **changes)
    response = redeem(api, member, **data)
    assert (response.status_code, code_of(response)) == (status, code)
    assert (points_of(member), stock_of(mug)) == ((1_000, 0), changes.get("stock", 5))
    assert not RewardRedemption.objects.exists()


def test_a_gift_without_an_address_names_the_missing_part(api, member, mug):
    response = api.post(f"{base(member)}/redemptions", {"reward": "mug"}, format="json", HTTP_IDEMPOTENCY_KEY="k")
    error = response.json()["errors"][0]
    assert (response.status_code, error["code"], error["attr"]) == (422, "address_required", "address.name")
    assert points_of(member) == (1_000, 0)


def test_a_member_redeems_follows_and_cancels_with_their_own_token(own, api, member, mug):
    placed = redeem(own, member).json()
    path = f"{base(member)}/redemptions/{placed['redemption']}"
    assert own.get(path).json()["state"] == "placed"
    assert [row["redemption"] for row in own.get(f"{base(member)}/redemptions").json()["results"]] == [
        placed["redemption"]
    ]
    for _twice in range(2):
        cancelled = own.post(f"{path}/cancel", {"reason": "No longer"}, format="json")
        assert (cancelled.status_code, cancelled.json()["state"]) == (200, "cancelled")
    assert (points_of(member), stock_of(mug)) == ((1_000, 0), 5)
    row = RewardRedemption.objects.get()
    assert (row.actor, row.outcome["reason"]) == (f"member:{member.customer_id}", "No longer")


def test_a_sent_gift_has_its_tracking_number_and_can_not_be_cancelled(own, member, mug):
    placed = redeem(own, member).json()
    ship_redemption(redemption=RewardRedemption.objects.get(), tracking="SF1", actor=SYSTEM)
    path = f"{base(member)}/redemptions/{placed['redemption']}"
    assert (own.get(path).json()["state"], own.get(path).json()["tracking"]) == ("shipped", "SF1")
    response = own.post(f"{path}/cancel", {}, format="json")
    assert (response.status_code, code_of(response)) == (409, "redemption_not_cancellable")
    assert points_of(member) == (700, 0)


def test_a_members_token_reaches_no_other_member(own, api, make_member, mug):
    bob = make_member(1_000, "Bob")
    theirs = redeem(api, bob).json()["redemption"]
    path = f"{base(bob)}/redemptions/{theirs}"
    assert own.get(base(bob)).status_code == 404
    assert own.get(path).status_code == 404
    assert own.post(f"{path}/cancel", {}, format="json").status_code == 404
    assert redeem(own, bob, key="2").status_code == 404
    assert points_of(bob) == (700, 300)


def test_a_redemption_is_not_found_under_another_members_address(api, member, make_member, mug):
    bob = make_member(1_000, "Bob")
    theirs = redeem(api, bob).json()["redemption"]
    response = api.post(f"{base(member)}/redemptions/{theirs}/cancel", {}, format="json")
    assert (response.status_code, code_of(response)) == (404, "unknown_redemption")
    assert api.get(f"{base(member)}/redemptions/{uuid.uuid4()}").status_code == 404
    assert points_of(bob) == (700, 300)


def test_queries_of_the_catalogue_do_not_grow_with_its_length(api, member, make_reward, django_assert_max_num_queries):
    for number in range(20):
        make_reward("voucher" if number % 2 else "donation", 10, name=f"R{number}")
    with django_assert_max_num_queries(14):
        assert len(api.get(base(member)).json()["results"]) == 20
