"""Tests of rewards with real threads on PostgreSQL (F5, F6, L8, L9): each piece is sold once and paid once."""

from __future__ import annotations

import json
import threading
import uuid
from collections import Counter
from collections.abc import Callable
from functools import partial

import pytest
from django.db import connection
from django.db.models import Sum

from core.base.actor import SYSTEM
from core.db.models import IdempotencyRecord
from loyalty.ledger.models import Account, Hold
from loyalty.ledger.services.reconciliation import reconcile_points
from loyalty.program.models import Member
from loyalty.rewards.models import RewardCode, RewardRedemption, RewardUse
from loyalty.rewards.services.redemptions import cancel_redemption, redeem_reward, ship_redemption, sweep_redemptions
from tests.loyalty.ledger.test_concurrency import attempt
from tests.loyalty.rewards.samples import ADDRESS, give, points_of, stock_of, used
from tests.threads import storm

pytestmark = pytest.mark.django_db(transaction=True)


def buy(member, reward, key=""):
    return redeem_reward(member=member, reward=reward, key=key or uuid.uuid4().hex, actor=SYSTEM, address=ADDRESS)


def crowd(threads: int, work: Callable[[int], None]) -> None:
    """Run `storm` with at most 100 connections, which the server allows. Other threads wait, as in a shop's pool."""
    gate = threading.BoundedSemaphore(100)

    def one(number: int) -> None:
        with gate:
            try:
                work(number)
            finally:
                connection.close()

    storm(threads, one)


def totals() -> tuple[int, int]:
    sums = Account.objects.aggregate(available=Sum("available"), held=Sum("held"))
    return sums["available"], sums["held"]


@pytest.mark.parametrize(("kind", "held"), [("donation", 0), ("gift", 300)])
def test_200_parallel_buyers_get_the_last_piece_once(make_member, make_reward, kind, held):
    reward = make_reward(kind, 300, stock=1)
    members = [make_member(1_000) for _ in range(200)]
    outcomes: list[str] = []
    crowd(200, lambda number: outcomes.append(attempt(partial(buy, members[number], reward))))
    assert Counter(outcomes) == {"done": 1, "out_of_stock": 199}
    assert stock_of(reward) == 0
    winner = RewardRedemption.objects.get().member_id
    assert totals() == (200 * 1_000 - 300, held)
    for account in Account.objects.all():
        assert (account.available, account.held) == ((700, held) if account.member_id == winner else (1_000, 0))
    assert Hold.objects.count() == 1
    assert Hold.objects.filter(state="held").count() == (1 if held else 0)
    assert list(RewardUse.objects.values_list("member_id", "count")) == [(winner, 1)]
    assert IdempotencyRecord.objects.filter(scope__contains="rewards").count() == 1
    assert reconcile_points().difference_count == 0


def test_120_parallel_buyers_get_50_codes_each_once(make_member, make_reward):
    codes = [f"CODE-{number:03}" for number in range(50)]
    reward = make_reward("voucher", 300, codes="\n".join(codes))
    members = [make_member(1_000) for _ in range(120)]
    outcomes: list[str] = []
    crowd(120, lambda number: outcomes.append(attempt(partial(buy, members[number], reward))))
    assert Counter(outcomes) == {"done": 50, "no_codes_left": 70}
    delivered_codes = [row.code for row in RewardRedemption.objects.all()]
    assert sorted(delivered_codes) == codes
    assert RewardCode.objects.filter(redemption=None).count() == 0
    assert totals() == (120 * 1_000 - 50 * 300, 0)
    assert Hold.objects.filter(state="captured").count() == Hold.objects.count() == 50
    assert reconcile_points().difference_count == 0


def test_the_limit_per_member_holds_for_40_threads(make_member, make_reward):
    member, reward = make_member(10_000), make_reward("donation", 100, member_limit=3)
    outcomes: list[str] = []
    storm(40, lambda number: outcomes.append(attempt(partial(buy, member, reward))))
    assert Counter(outcomes) == {"done": 3, "member_limit": 37}
    assert (points_of(member), used(reward, member)) == ((9_700, 0), 3)


def test_one_balance_is_spent_once_over_many_rewards(make_member, make_reward):
    """1,000 points, eight rewards of 300, 40 threads: three are redeemed, and no deadlock is reported."""
    member = make_member(1_000)
    rewards = [make_reward("donation", 300, name=f"R{number}", stock=100) for number in range(8)]
    outcomes: list[str] = []
    storm(40, lambda number: outcomes.append(attempt(partial(buy, member, rewards[number % 8]))))
    assert Counter(outcomes) == {"done": 3, "insufficient_points": 37}
    assert points_of(member) == (100, 0)
    assert sum(stock_of(reward) for reward in rewards) == 800 - 3
    assert RewardUse.objects.aggregate(sum=Sum("count"))["sum"] == 3


def test_one_key_60_times_in_parallel_has_one_effect_and_one_answer(make_member, make_reward):
    member, reward, answers = make_member(1_000), make_reward("donation", 100, stock=50), []
    storm(60, lambda number: answers.append(json.dumps(buy(member, reward, key="same"), sort_keys=True)))
    assert (len(answers), len(set(answers)), points_of(member), stock_of(reward)) == (60, 1, (900, 0), 49)


def test_sending_cancelling_and_the_sweep_end_each_gift_once(make_member, make_reward):
    """Buying continues during the test, so that every order of locks occurs. No thread sees a deadlock."""
    reward = make_reward("gift", 10, stock=400)
    members = [make_member(1_000) for _ in range(4)]
    placed = [buy(members[number % 4], reward)["redemption"] for number in range(80)]
    with connection.cursor() as cursor:
        cursor.execute(
            """UPDATE loyalty_hold SET expires_at = clock_timestamp() + make_interval(secs => 0.02 * n - 0.4)
               FROM (SELECT id, row_number() OVER (ORDER BY created_at) AS n FROM loyalty_hold) AS h
               WHERE h.id = loyalty_hold.id"""
        )
    ended: list[str] = []
    bought: list[str] = []

    def work(number: int) -> None:
        if number == 0:
            for _ in range(30):
                sweep_redemptions()
            return
        if number <= 2:
            for turn in range(20):
                bought.append(attempt(partial(buy, members[turn % 4], reward)))
            return
        for pk in placed[number % 2 :: 2]:
            row = RewardRedemption(pk=pk)
            command = (
                partial(ship_redemption, redemption=row, tracking=f"T{number}", actor=SYSTEM)
                if number <= 4
                else partial(cancel_redemption, redemption=row, actor=SYSTEM)
            )
            ended.append(attempt(command))

    storm(7, work)
    assert set(ended) <= {"done", "redemption_not_open", "redemption_not_cancellable", "hold_expired"}
    assert bought == ["done"] * 40
    with connection.cursor() as cursor:
        cursor.execute("UPDATE loyalty_hold SET expires_at = clock_timestamp() WHERE state = 'held'")
    sweep_redemptions()
    states = Counter(RewardRedemption.objects.values_list("state", flat=True))
    assert (sum(states.values()), states["placed"]) == (120, 0)
    sent = states["shipped"]
    assert totals() == (4 * 1_000 - 10 * sent, 0)
    assert stock_of(reward) == 400 - sent
    assert RewardUse.objects.aggregate(sum=Sum("count"))["sum"] == sent
    assert reconcile_points().difference_count == 0


def test_ten_parallel_cancellations_give_the_points_back_once(make_member, make_reward):
    from core.base.actor import Actor

    member, reward = make_member(1_000), make_reward("privilege", 300, stock=1)
    row = RewardRedemption(pk=buy(member, reward)["redemption"])
    storm(10, lambda number: cancel_redemption(redemption=row, actor=Actor("user", 1)))
    assert (points_of(member), stock_of(reward), used(reward, member)) == ((1_000, 0), 1, 0)
    give(member, 1)
    assert Member.objects.count() == 1
    assert reconcile_points().difference_count == 0
