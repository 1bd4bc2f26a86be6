"""Tests of the catalogue of rewards: creating and changing them, pools of codes, a member's offers (L9, P3)."""

from __future__ import annotations

import json

import pytest

from core.base.actor import SYSTEM
from core.base.errors import Conflict, Invalid
from loyalty.rewards import selectors as catalogue
from loyalty.rewards.models import RewardCode
from loyalty.rewards.services.codes import upload_reward_codes
from loyalty.rewards.services.redemptions import cancel_redemption
from loyalty.rewards.services.rewards import create_reward, update_reward
from tests.loyalty.rewards.samples import redeem, soon, stock_of

pytestmark = pytest.mark.django_db


def test_a_sale_leaves_no_history_of_the_stock_but_a_change_by_hand_does(member, make_reward):
    reward = make_reward("donation", 100, stock=5)
    redeem(member, reward)
    history = reward.updateevents if hasattr(reward, "updateevents") else reward.events
    assert history.count() == 0
    update_reward(reward=reward, actor=SYSTEM, stock=9)
    assert list(history.values_list("stock", flat=True)) == [4]


def test_a_stock_typed_during_a_sale_counts_the_sale(member, make_reward):
    reward = make_reward("donation", 100, stock=5)
    redeem(member, reward)
    update_reward(reward=reward, actor=SYSTEM, stock=15, stock_seen=5)
    assert stock_of(reward) == 14
    with pytest.raises(Conflict) as refusal:
        update_reward(reward=reward, actor=SYSTEM, stock=0, stock_seen=15)
    assert (refusal.value.code, stock_of(reward)) == ("below_use", 14)


def test_a_formerly_unlimited_stock_gets_nothing_back(member, make_reward):
    reward = make_reward("gift", 100)
    row = redeem(member, reward)
    update_reward(reward=reward, actor=SYSTEM, stock=3)
    cancel_redemption(redemption=row, actor=SYSTEM)
    assert stock_of(reward) == 3


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"kind": "cheese"}, "kind"),
        ({"name": " "}, "name"),
        ({"points": 0}, "points"),
        ({"money": -1}, "money"),
        ({"stock": -1}, "stock"),
        ({"member_limit": 0}, "member_limit"),
        ({"segment": 99}, "segment"),
        ({"starts_at": soon(2), "ends_at": soon(1)}, "ends_at"),
        ({"kind": "privilege", "settings": {}}, "how"),
        ({"kind": "coupon", "settings": {"coupon": "77"}}, "coupon"),
        ({"tier_limits": {"wood": 1}}, "tier_limits"),
        ({"owner": 1}, "owner"),
    ],
)
def test_a_wrong_reward_is_not_created(program, values, field):
    values = {"kind": "gift", "name": "Mug", "points": 10, **values}
    with pytest.raises(Invalid) as refusal:
        create_reward(program=program, actor=SYSTEM, **values)
    assert refusal.value.field == field
    assert program.rewards.count() == 0


def test_a_setting_that_is_too_long_is_refused_with_its_longest_length(program):
    with pytest.raises(Invalid) as refusal:
        create_reward(
            program=program, kind="donation", name="Trees", points=10, settings={"cause": "x" * 201}, actor=SYSTEM
        )
    assert (refusal.value.code, refusal.value.field) == ("too_long", "cause")
    assert str(refusal.value.message) == "Use at most 200 characters."
    assert program.rewards.count() == 0


def test_two_rewards_with_one_name_have_different_codes_or_are_refused(program):
    assert create_reward(program=program, kind="gift", name="Mug", points=1, actor=SYSTEM).code == "mug"
    with pytest.raises(Invalid) as refusal:
        create_reward(program=program, kind="gift", name="Mug", points=1, actor=SYSTEM)
    assert (refusal.value.code, program.rewards.count()) == ("code_taken", 1)
    assert create_reward(program=program, kind="gift", name="马克杯", points=1, actor=SYSTEM).code.startswith("r")


def test_codes_are_added_once_and_refused_ones_are_listed(make_reward):
    reward, other = make_reward("voucher"), make_reward("voucher", name="Other")
    first = upload_reward_codes(
        reward=reward, content="\ufeffcode,value\nA1,5\n B2 ,5\n\nA1,5\n".encode(), actor=SYSTEM
    )
    assert (first.added, first.duplicates, first.wrong) == (2, ["A1"], [])
    second = upload_reward_codes(reward=reward, content=f"B2\nC3\n{'x' * 201}\n".encode(), actor=SYSTEM)
    assert (second.added, second.duplicates, second.wrong) == (1, ["B2"], [(3, "x" * 40)])
    assert upload_reward_codes(reward=other, content="券码\nA1".encode("gb18030"), actor=SYSTEM).added == 1
    assert [code.value for code in RewardCode.objects.filter(reward=reward).order_by("pk")] == ["A1", "B2", "C3"]


@pytest.mark.parametrize("content", [b"", b"\n\n", b"code\n", b"a\x00b", b"\xff\xfe\x00"])
def test_a_file_without_codes_is_refused(make_reward, content):
    reward = make_reward("voucher")
    with pytest.raises(Invalid) as refusal:
        upload_reward_codes(reward=reward, content=content, actor=SYSTEM)
    assert (refusal.value.field, RewardCode.objects.count()) == ("codes", 0)


def test_codes_for_a_gift_are_refused(make_reward):
    with pytest.raises(Conflict):
        upload_reward_codes(reward=make_reward("gift"), content=b"A1", actor=SYSTEM)
    assert RewardCode.objects.count() == 0


def test_the_catalogue_lists_offers_and_reasons_against_them(member, make_reward):
    rewards = {
        "can": make_reward("donation", 1_000, name="Can", position=1),
        "dear": make_reward("donation", 1_200, name="Dear", position=2),
        "gone": make_reward("donation", 10, name="Gone", stock=0, position=3),
        "later": make_reward("donation", 10, name="Later", starts_at=soon(1), position=4),
        "empty": make_reward("voucher", 10, name="Empty", position=5),
        "off": make_reward("donation", 10, name="Off", active=False),
        "over": make_reward("donation", 10, name="Over", ends_at=soon(-1)),
    }
    shown = list(catalogue.shown_to(member))
    offers = catalogue.offers(member, shown)
    assert [(row.reward.code, row.reason, row.missing) for row in offers] == [
        ("can", "", 0),
        ("dear", "insufficient_points", 200),
        ("gone", "out_of_stock", 0),
        ("later", "reward_not_started", 0),
        ("empty", "no_codes_left", 0),
    ]
    assert rewards["off"] not in shown


def test_key_rotation_includes_addresses_and_codes(member, make_reward, settings):
    from core.security.rotation import rotate_keys

    reward = make_reward("voucher", codes="A1\nB2")
    row = redeem(member, reward)
    gift = redeem(member, make_reward("gift", 10), "2")
    old = dict(settings.PII_KEYS)
    settings.PII_KEYS = {9: b"n" * 32, **old}
    # An upload in the middle of a rotation still recognises codes under the old key.
    assert upload_reward_codes(reward=reward, content=b"A1\nC3", actor=SYSTEM).duplicates == ["A1"]
    rotate_keys()
    settings.PII_KEYS = {9: b"n" * 32}
    row.refresh_from_db()
    gift.refresh_from_db()
    assert (row.code, json.loads(gift.address)["city"]) == ("A1", "Shanghai")
    assert upload_reward_codes(reward=reward, content=b"A1\nB2\nC3\nD4", actor=SYSTEM).added == 1
