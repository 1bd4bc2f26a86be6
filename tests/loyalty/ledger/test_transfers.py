"""Tests of transfers and merges: daily limits, kept expiry, both accounts exact."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from core.base.actor import SYSTEM
from core.base.errors import Conflict, IdempotencyConflict, Refused
from loyalty.ledger.models import Account, Entry, Hold, Lot, Transfer
from loyalty.ledger.services.adjustments import adjust_points
from loyalty.ledger.services.enrolment import enrol_member
from loyalty.ledger.services.reconciliation import reconcile_points
from loyalty.ledger.services.redemption import capture_hold, hold_points
from loyalty.ledger.services.transfers import merge_members, transfer_points
from loyalty.program.services.suspensions import suspend_member

pytestmark = pytest.mark.django_db


@pytest.fixture
def pair(program, make_customer) -> tuple[Account, Account]:
    """Return two members: one with 300 points that end in 5 days and 200 without an end, and one without points.

    The program allows 400 points a day, in 3 transfers.
    """
    type(program).objects.filter(pk=program.pk).update(transfer_daily_points=400, transfer_daily_count=3)
    accounts = []
    for name in ("Giver", "Taker"):
        member = enrol_member(customer=make_customer(name), program=program, actor=SYSTEM)
        accounts.append(Account.objects.select_related("member__program", "member__customer").get(member=member))
    for points in (300, 200):
        adjust_points(account=accounts[0], points=points, reason="goodwill", key=f"give-{points}", actor=SYSTEM)
    Lot.objects.filter(points=300).update(expires_at=timezone.now() + timedelta(days=5))
    return accounts[0], accounts[1]


def available(*accounts: Account) -> list[int]:
    return [Account.objects.get(pk=account.pk).available for account in accounts]


def test_transferred_points_keep_their_expiry_soonest_first(pair):
    # given 300 points that end in five days and 200 without end
    giver, taker = pair
    ends = Lot.objects.get(points=300).expires_at

    # when 350 are transferred
    answer = transfer_points(sender=giver, receiver=taker, points=350, key="t1", actor=SYSTEM, note="生日快乐")

    # then the receiver has two lots with their earlier dates
    assert (answer["points"], answer["available"], answer["to"]) == (350, 150, taker.member.customer.number)
    assert available(giver, taker) == [150, 350]
    lots = Lot.objects.filter(account=taker).order_by("id").values_list("points", "expires_at", "source")
    assert list(lots) == [(300, ends, "transfer"), (50, None, "transfer")]
    assert [(e.kind, e.available) for e in Entry.objects.order_by("-id")[:2]] == [
        ("transfer_in", 350),
        ("transfer_out", -350),
    ]
    assert Transfer.objects.get().note == "生日快乐"
    assert reconcile_points().difference_count == 0


def test_a_repeated_transfer_returns_the_first_answer(pair):
    giver, taker = pair
    first = transfer_points(sender=giver, receiver=taker, points=100, key="t", actor=SYSTEM)
    assert transfer_points(sender=giver, receiver=taker, points=100, key="t", actor=SYSTEM) == first
    with pytest.raises(IdempotencyConflict):
        transfer_points(sender=giver, receiver=taker, points=101, key="t", actor=SYSTEM)
    assert available(giver, taker) == [400, 100]


@pytest.mark.parametrize(
    ("points", "refusal", "details"),
    [
        (401, "transfer_limit", {"points_left": 400, "times_left": 3}),
        (501, "transfer_limit", {"points_left": 400, "times_left": 3}),
    ],
)
def test_more_than_a_day_allows_is_refused_and_nothing_moves(pair, points, refusal, details):
    giver, taker = pair
    with pytest.raises(Refused) as refused:
        transfer_points(sender=giver, receiver=taker, points=points, key="t", actor=SYSTEM)
    assert (refused.value.code, refused.value.details) == (refusal, details)
    assert available(giver, taker) == [500, 0]
    assert not Transfer.objects.exists()


def test_the_daily_limits_use_the_programs_zone(pair, program):
    # given three transfers today
    giver, taker = pair
    for turn in range(3):
        transfer_points(sender=giver, receiver=taker, points=10, key=f"t{turn}", actor=SYSTEM)

    # then a fourth is refused until the three were made yesterday
    with pytest.raises(Refused) as refused:
        transfer_points(sender=giver, receiver=taker, points=10, key="t3", actor=SYSTEM)
    assert refused.value.details == {"points_left": 370, "times_left": 0}
    Transfer.objects.update(created_at=timezone.now() - timedelta(days=1))
    transfer_points(sender=giver, receiver=taker, points=400, key="t3", actor=SYSTEM)
    assert available(giver, taker) == [70, 430]


def test_impossible_or_forbidden_transfers_are_refused(pair, program):
    giver, taker = pair
    refusals = []
    for sender, receiver in ((taker, giver), (giver, giver)):
        with pytest.raises(Refused) as refused:
            transfer_points(sender=sender, receiver=receiver, points=10, key="t", actor=SYSTEM)
        refusals.append(refused.value.code)
    type(program).objects.filter(pk=program.pk).update(transfer_daily_points=0)
    with pytest.raises(Refused) as refused:
        transfer_points(sender=giver, receiver=taker, points=10, key="t", actor=SYSTEM)
    refusals.append(refused.value.code)
    suspend_member(member=taker.member, reason="fraud", actor=SYSTEM)
    with pytest.raises(Conflict) as conflict:
        transfer_points(sender=giver, receiver=taker, points=10, key="t", actor=SYSTEM)
    assert [*refusals, conflict.value.code] == [
        "insufficient_points",
        "transfer_to_self",
        "transfers_off",
        "member_not_active",
    ]
    assert available(giver, taker) == [500, 0]


def test_received_points_pay_the_receivers_debt_first(pair):
    giver, taker = pair
    with connection.cursor() as cursor:
        cursor.execute(
            """INSERT INTO loyalty_entry (account_id, kind, available, pending, held, debt, reference, reason, actor,
                                          occurred_at)
               VALUES (%s, 'clawback', 0, 0, 0, 80, '', '', 'test', now())""",
            [taker.pk],
        )
    Account.objects.filter(pk=taker.pk).update(debt=80)
    transfer_points(sender=giver, receiver=taker, points=100, key="t", actor=SYSTEM)
    taker.refresh_from_db()
    assert (taker.available, taker.debt) == (20, 0)
    assert reconcile_points().difference_count == 0


def test_a_merge_carries_lots_holds_and_debt_once(pair, program):
    # given one member with points and an open hold, and another
    source, target = pair
    hold = hold_points(account=source, points=120, key="h", actor=SYSTEM)["hold"]
    adjust_points(account=target, points=50, reason="goodwill", key="own", actor=SYSTEM)

    # when they turn out to be one person, and the merge is requested twice
    carried = merge_members(source=source.member, target=target.member, actor=SYSTEM)
    again = merge_members(source=source.member, target=target.member, actor=SYSTEM)

    # then everything is with the target, once, and the hold can still be spent
    assert carried == {"available": 380, "pending": 0, "held": 120, "debt": 0}
    assert again == {"available": 0, "pending": 0, "held": 0, "debt": 0}
    assert available(source, target) == [0, 430]
    assert capture_hold(program=program, hold=hold, key="c", actor=SYSTEM)["available"] == 430
    assert Hold.objects.get(pk=hold).account_id == target.pk
    source.member.refresh_from_db()
    assert source.member.state == "left"
    assert reconcile_points().difference_count == 0
