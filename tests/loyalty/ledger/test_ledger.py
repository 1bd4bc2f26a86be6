"""Tests of the ledger's rules L1-L9 and L11, with figures worked out by hand."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from core.base.actor import SYSTEM
from core.base.errors import Conflict, IdempotencyConflict, Invalid, NotFound, Refused
from crm.orders.services.refunds import record_refund
from loyalty.earning.models import Earning
from loyalty.ledger.models import Account, Entry, Hold, Lot
from loyalty.ledger.services.adjustments import adjust_points
from loyalty.ledger.services.reconciliation import reconcile_points
from loyalty.ledger.services.redemption import capture_hold, hold_points, redeem_points, release_hold
from loyalty.ledger.services.sweeps import sweep_holds, sweep_lots

pytestmark = pytest.mark.django_db


@pytest.fixture
def account(program, make_customer, make_order, settle) -> Account:
    """Return a member's account with 500 points from one order of 500.00."""
    customer = make_customer()
    make_order(customer, 50_000, number="FIRST")
    settle()
    return Account.objects.select_related("member__program", "member__customer").get(member__customer=customer)


def figures(account: Account) -> tuple[int, int, int, int]:
    account.refresh_from_db()
    return account.available, account.pending, account.held, account.debt


def in_balance() -> bool:
    return reconcile_points().difference_count == 0


def age(lot: Lot, **columns) -> None:
    """Change a lot's dates to simulate the passage of time."""
    Lot.objects.filter(pk=lot.pk).update(**columns)


def test_a_paid_order_earns_its_points_once_however_often_it_is_reported(account, settle, make_order):
    assert figures(account) == (500, 0, 0, 0)
    from core.events.models import DomainEvent
    from loyalty.earning.handlers import award_points

    paid = DomainEvent.objects.filter(kind="crm.order_paid")
    award_points(list(paid))
    award_points(list(paid))
    assert figures(account) == (500, 0, 0, 0)
    assert Entry.objects.filter(account=account).count() == 1
    assert in_balance()


def test_entries_can_be_neither_changed_nor_deleted(account):
    for statement in ("UPDATE loyalty_entry SET available = 1000000", "DELETE FROM loyalty_entry"):
        with pytest.raises(DatabaseError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)
    assert figures(account) == (500, 0, 0, 0)


def test_the_soonest_expiry_is_spent_first_and_never_expiring_last(account):
    never = Lot.objects.get(account=account)
    for points in (100, 200):
        adjust_points(account=account, points=points, reason="goodwill", key=f"give-{points}", actor=SYSTEM)
    late, soon = Lot.objects.filter(account=account).exclude(pk=never.pk).order_by("points")
    age(late, expires_at=timezone.now() + timedelta(days=90))
    age(soon, expires_at=timezone.now() + timedelta(days=5))
    redeem_points(account=account, points=350, key="r1", actor=SYSTEM)
    left = dict(Lot.objects.filter(account=account).values_list("pk", "remaining"))
    assert left == {soon.pk: 0, late.pk: 0, never.pk: 450}
    assert figures(account) == (450, 0, 0, 0)
    assert in_balance()


def test_an_expired_lot_can_not_be_spent_even_before_the_sweep(account):
    age(Lot.objects.get(account=account), expires_at=timezone.now() - timedelta(seconds=1))
    with pytest.raises(Refused) as refusal:
        redeem_points(account=account, points=1, key="r1", actor=SYSTEM)
    assert refusal.value.code == "insufficient_points"
    assert refusal.value.details == {"available": 0, "requested": 1}
    assert figures(account) == (500, 0, 0, 0), "a refused command leaves no trace"
    assert sweep_lots() == 1
    assert figures(account) == (0, 0, 0, 0)
    assert in_balance()


def test_points_are_pending_until_the_return_window_has_passed(program, make_customer, make_order, settle):
    program.return_window_days = 7
    program.save()
    customer = make_customer()
    make_order(customer, 12_345, days_ago=1)
    settle()
    account = Account.objects.select_related("member__program").get(member__customer=customer)
    assert figures(account) == (0, 123, 0, 0)
    with pytest.raises(Refused):
        redeem_points(account=account, points=1, key="r1", actor=SYSTEM)
    age(Lot.objects.get(account=account), available_from=timezone.now() - timedelta(seconds=1))
    redeem_points(account=account, points=100, key="r2", actor=SYSTEM)
    assert figures(account) == (23, 0, 0, 0), "a passed window counts before the sweep has run"
    assert in_balance()


def test_rounding_is_stated_on_the_earning(program, make_customer, make_order, settle):
    customer = make_customer()
    make_order(customer, 1_999)
    settle()
    earning = Earning.objects.get(member__customer=customer)
    assert (earning.points, str(earning.remainder)) == (19, "0.990000")


def test_points_are_earned_on_the_amount_paid_for_goods(program, make_customer, make_order, settle):
    customer = make_customer()
    make_order(customer, 20_000, discount=3_000, points_amount=2_000, shipping=1_000, tax=500)
    settle()
    earning = Earning.objects.get(member__customer=customer)
    assert (earning.base, earning.points) == (15_000, 150)


def test_the_same_key_gives_the_first_answer_and_another_request_is_refused(account):
    first = redeem_points(account=account, points=200, key="k", actor=SYSTEM, reference="cart 1")
    assert redeem_points(account=account, points=200, key="k", actor=SYSTEM, reference="cart 1") == first
    assert figures(account) == (300, 0, 0, 0)
    with pytest.raises(IdempotencyConflict):
        redeem_points(account=account, points=201, key="k", actor=SYSTEM, reference="cart 1")
    assert figures(account) == (300, 0, 0, 0)
    with pytest.raises(Invalid) as missing:
        redeem_points(account=account, points=1, key="", actor=SYSTEM)
    assert missing.value.code == "idempotency_key_missing"


def test_a_hold_lowers_the_available_points_and_not_the_balance(account, program):
    answer = hold_points(account=account, points=200, key="h", actor=SYSTEM)
    assert (answer["available"], answer["held"], answer["balance"]) == (300, 200, 500)
    hold = uuid.UUID(answer["hold"])
    captured = capture_hold(program=program, hold=hold, points=150, key="c", actor=SYSTEM)
    assert (captured["state"], captured["captured"], captured["available"], captured["held"]) == (
        "captured",
        150,
        350,
        0,
    )
    assert figures(account) == (350, 0, 0, 0)
    for attempt in (
        lambda: capture_hold(program=program, hold=hold, key="c2", actor=SYSTEM),
        lambda: release_hold(program=program, hold=hold, key="r2", actor=SYSTEM),
    ):
        with pytest.raises(Conflict) as refusal:
            attempt()
        assert refusal.value.code == "hold_captured"
    assert figures(account) == (350, 0, 0, 0)
    assert in_balance()


def test_a_released_hold_gives_everything_back(account, program):
    hold = uuid.UUID(hold_points(account=account, points=500, key="h", actor=SYSTEM)["hold"])
    with pytest.raises(Refused):
        hold_points(account=account, points=1, key="h2", actor=SYSTEM)
    release_hold(program=program, hold=hold, key="r", actor=SYSTEM)
    assert figures(account) == (500, 0, 0, 0)
    assert in_balance()


def test_an_expired_hold_can_not_be_captured_and_is_swept_once(account, program):
    hold = uuid.UUID(hold_points(account=account, points=200, key="h", actor=SYSTEM)["hold"])
    Hold.objects.filter(pk=hold).update(expires_at=timezone.now() - timedelta(seconds=1))
    with pytest.raises(Conflict) as refusal:
        capture_hold(program=program, hold=hold, key="c", actor=SYSTEM)
    assert refusal.value.code == "hold_expired"
    assert figures(account) == (300, 0, 200, 0)
    assert sweep_holds() == 1
    assert sweep_holds() == 0
    assert figures(account) == (500, 0, 0, 0)
    assert Hold.objects.get(pk=hold).state == "expired"
    assert in_balance()


def test_a_lot_that_expires_while_held_is_gone_after_the_release(account, program):
    hold = uuid.UUID(hold_points(account=account, points=200, key="h", actor=SYSTEM)["hold"])
    age(Lot.objects.get(account=account), expires_at=timezone.now() - timedelta(seconds=1))
    release_hold(program=program, hold=hold, key="r", actor=SYSTEM)
    assert figures(account) == (0, 0, 0, 0)
    assert in_balance()


def test_a_refund_takes_points_back_pro_rata_and_in_full(account):
    record_and_settle(account, 12_345, "half")
    assert figures(account) == (376, 0, 0, 0), "376.55 of 500 would have been earned without 123.45"
    record_and_settle(account, None, "rest")
    assert figures(account) == (0, 0, 0, 0)
    assert in_balance()


def test_spent_points_become_debt_that_the_next_earning_pays(account, make_order, settle):
    redeem_points(account=account, points=450, key="r", actor=SYSTEM)
    record_and_settle(account, None, "all")
    assert figures(account) == (0, 0, 0, 450)
    make_order(account.member.customer, 60_000)
    settle()
    assert figures(account) == (150, 0, 0, 0), "600 earned in silver at 1.0 less the debt of 450"
    assert in_balance()


def test_points_spent_on_a_refunded_order_return_to_their_lots(account, make_order, settle):
    lot = Lot.objects.get(account=account)
    redeem_points(account=account, points=300, key="r", actor=SYSTEM, reference="PAID-WITH-POINTS")
    make_order(account.member.customer, 10_000, number="PAID-WITH-POINTS", points_amount=300)
    settle()
    lot.refresh_from_db()
    assert lot.remaining == 200
    refund(account, "PAID-WITH-POINTS", None, "x")
    settle()
    lot.refresh_from_db()
    assert lot.remaining == 500
    assert figures(account) == (500, 0, 0, 0)
    assert in_balance()


def test_returned_points_of_an_expired_lot_last_for_the_reinstatement_days(account, make_order, settle):
    lot = Lot.objects.get(account=account)
    redeem_points(account=account, points=300, key="r", actor=SYSTEM, reference="P")
    make_order(account.member.customer, 10_000, number="P", points_amount=300)
    settle()
    age(lot, expires_at=timezone.now() - timedelta(days=1))
    refund(account, "P", None, "x")
    settle()
    revived = Lot.objects.get(account=account, source="reinstated")
    assert (revived.points, revived.remaining) == (300, 300)
    assert abs(revived.expires_at - timezone.now() - timedelta(days=30)) < timedelta(minutes=1)
    assert in_balance()


def test_points_follow_the_time_of_a_refund_that_is_reported_later(account, settle):
    at = timezone.now() - timedelta(days=40)
    record_refund(order_number="FIRST", number="late", source="storefront", amount=20_000, refunded_at=at, actor=SYSTEM)
    settle()
    assert figures(account) == (300, 0, 0, 0)
    assert Entry.objects.get(kind="clawback").occurred_at == at


def test_no_more_points_are_spent_than_available(account):
    with pytest.raises(Refused) as refusal:
        redeem_points(account=account, points=501, key="r", actor=SYSTEM)
    assert refusal.value.details == {"available": 500, "requested": 501}
    with pytest.raises(Refused):
        adjust_points(account=account, points=-501, reason="correction", key="a", actor=SYSTEM)
    assert figures(account) == (500, 0, 0, 0)
    assert Entry.objects.filter(account=account).count() == 1


def test_reconciliation_names_the_account_that_differs(account):
    with connection.cursor() as cursor:
        cursor.execute("UPDATE loyalty_account SET available = available + 1 WHERE id = %s", [account.pk])
    result = reconcile_points()
    assert result.difference_count == 1
    assert result.differences[0] == {
        "account": account.pk,
        "stored": [501, 0, 0, 0],
        "entries": [500, 0, 0, 0],
        "lots": [500, 0, 0],
    }


def test_unknown_holds_and_invalid_amounts_are_refused(account, program):
    with pytest.raises(NotFound) as refusal:
        capture_hold(program=program, hold=uuid.uuid4(), key="c", actor=SYSTEM)
    assert refusal.value.code == "unknown_hold"
    for points in (0, -5, 2**60):
        with pytest.raises(Invalid):
            redeem_points(account=account, points=points, key="r", actor=SYSTEM)
    assert figures(account) == (500, 0, 0, 0)


def record_and_settle(account: Account, amount: int | None, number: str) -> None:
    from core.events.outbox import deliver_all

    refund(account, "FIRST", amount, number)
    deliver_all()


def refund(account: Account, order: str, amount: int | None, number: str) -> None:
    record_refund(order_number=order, number=number, source="storefront", amount=amount, actor=SYSTEM)
