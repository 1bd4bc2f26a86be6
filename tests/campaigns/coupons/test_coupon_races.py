"""Test C2 under real contention (F5, F6): threads of their own, one PostgreSQL."""

from __future__ import annotations

import random
import threading
import uuid
from collections import Counter
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from campaigns.coupons.models import Coupon, CouponCode, CouponTally, CouponUse
from campaigns.coupons.services import uses
from campaigns.coupons.services.codes import issue_coupon
from campaigns.coupons.services.uses import redeem_coupon, release_coupon, reserve_coupon, sweep_reservations
from core.base.actor import SYSTEM
from core.base.errors import Conflict, DomainError, Refused
from core.db.models import IdempotencyRecord
from crm.customers.models import Customer
from tests.threads import at_once

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _patient(monkeypatch):
    """Let 64 calls of one customer wait for a place as long as a slow machine needs."""
    monkeypatch.setattr(uses, "GUESS_PATIENCE", 60.0)


def outcome(result) -> str:
    if isinstance(result, DomainError):
        return result.code
    assert isinstance(result, dict), result
    return result["state"]


def reserve(code, customer, key=""):
    return reserve_coupon(
        code=code, customer=customer, cart_amount=10_000, currency="CNY", key=key or str(uuid.uuid4()), actor=SYSTEM
    )


def in_order(coupon: Coupon) -> None:
    """Check that the counters equal the uses."""
    coupon.refresh_from_db()
    of_coupon = CouponUse.objects.filter(coupon=coupon)
    states = Counter(of_coupon.values_list("state", flat=True))
    assert (coupon.reserved_count, coupon.redeemed_count) == (states["reserved"], states["redeemed"])
    assert coupon.reserved_amount == sum(of_coupon.filter(state="reserved").values_list("discount", flat=True))
    assert coupon.redeemed_amount == sum(of_coupon.filter(state="redeemed").values_list("discount", flat=True))
    for code in CouponCode.objects.filter(coupon=coupon):
        mine = Counter(of_coupon.filter(code=code).values_list("state", flat=True))
        assert (code.reserved_count, code.redeemed_count) == (mine["reserved"], mine["redeemed"])
    for tally in CouponTally.objects.filter(coupon_id=coupon.pk):
        assert tally.used == of_coupon.filter(customer_id=tally.customer_id).exclude(state="released").count()


def test_one_last_use_and_64_customers_give_one_success(make_coupon):
    coupon = make_coupon(code="LASTONE", limit_total=1)
    customers = [Customer.objects.create(name=f"C{n}") for n in range(64)]
    results = Counter(map(outcome, at_once([lambda c=c: reserve("LASTONE", c) for c in customers])))
    assert results == {"reserved": 1, "campaign_limit": 63}
    assert IdempotencyRecord.objects.count() == 1
    in_order(coupon)


def test_one_single_use_code_64_times_at_once(make_coupon, make_customer):
    coupon, customer = make_coupon(name="Own", limit_per_customer=None), make_customer()
    code = issue_coupon(customer=customer, coupon=coupon, cause="test", actor=SYSTEM).code
    results = Counter(map(outcome, at_once([lambda: reserve(code, customer)] * 64)))
    assert results == {"reserved": 1, "code_limit": 63}
    in_order(coupon)


def test_a_thousand_uses_one_per_customer(make_coupon):
    coupon = make_coupon(code="PIECES", limit_total=1000, value=100)
    customers = Customer.objects.bulk_create([Customer(name=f"C{n}", number=f"N{n}") for n in range(1500)])
    attempts = [customer for customer in customers for _ in range(2)]
    random.Random(1).shuffle(attempts)
    share = -(-len(attempts) // 16)

    def storm(mine):
        return [outcome(_caught(lambda c=c: reserve("PIECES", c))) for c in mine]

    results = at_once([lambda i=i: storm(attempts[i * share : (i + 1) * share]) for i in range(16)])
    counted = Counter(state for part in results for state in part)
    assert counted["reserved"] == 1000
    assert set(counted) == {"reserved", "campaign_limit", "customer_limit"}
    assert CouponUse.objects.values("customer_id").distinct().count() == 1000
    in_order(coupon)


def test_a_budget_is_never_exceeded(make_coupon):
    coupon = make_coupon(code="BUDGET", value=700, budget=5_000)
    customers = [Customer.objects.create(name=f"C{n}") for n in range(32)]
    results = Counter(map(outcome, at_once([lambda c=c: reserve("BUDGET", c) for c in customers])))
    assert results == {"reserved": 7, "budget_spent": 25}
    in_order(coupon)


def test_concurrent_calls_with_one_key_make_one_use(make_coupon, make_customer):
    coupon, customer = make_coupon(code="SAVE20", limit_per_customer=None), make_customer()
    answers = at_once([lambda: reserve("SAVE20", customer, key="same")] * 32)
    assert all(answer == answers[0] for answer in answers)
    reservation = uuid.UUID(answers[0]["reservation"])
    done = at_once([lambda: redeem_coupon(reservation=reservation, key="pay", actor=SYSTEM)] * 32)
    assert all(answer == done[0] for answer in done)
    assert CouponUse.objects.count() == 1
    in_order(coupon)


def test_one_order_takes_one_coupon(make_coupon, make_customer):
    coupons = [make_coupon(code=f"CODE{n}") for n in range(8)]
    customer = make_customer()

    def attempt(n):
        return reserve_coupon(
            code=f"CODE{n}", customer=customer, cart_amount=10_000, currency="CNY", key=f"k{n}", reference="order-1",
            actor=SYSTEM,
        )  # fmt: skip

    results = Counter(map(outcome, at_once([lambda n=n: attempt(n) for n in range(8)])))
    assert results == {"reserved": 1, "not_stackable": 7}
    for coupon in coupons:
        in_order(coupon)


def test_redeem_against_release_ends_in_one_state(make_coupon):
    coupon = make_coupon(code="EITHER")
    customers = [Customer.objects.create(name=f"C{n}") for n in range(20)]
    for customer in customers:
        reservation = uuid.UUID(reserve("EITHER", customer)["reservation"])
        ends = at_once(
            [
                lambda r=reservation: redeem_coupon(reservation=r, key=f"a{r}", actor=SYSTEM),
                lambda r=reservation: release_coupon(reservation=r, key=f"b{r}", actor=SYSTEM),
            ]
        )
        final = CouponUse.objects.get(pk=reservation).state
        assert final == "released", "a release after the redemption takes it back"
        assert outcome(ends[1]) == "released"
        assert outcome(ends[0]) in {"redeemed", "reservation_released"}
    in_order(coupon)


def test_redeem_against_the_sweep_at_the_deadline(make_coupon):
    coupon = make_coupon(code="DEADLINE", reserve_seconds=1)
    customers = Customer.objects.bulk_create([Customer(name=f"C{n}", number=f"N{n}") for n in range(40)])
    reservations = [uuid.UUID(reserve("DEADLINE", customer)["reservation"]) for customer in customers]
    soon = timezone.now() + timedelta(seconds=1)
    CouponUse.objects.update(expires_at=soon)
    stop = threading.Event()

    def sweep():
        while not stop.is_set():
            sweep_reservations()

    def pay(mine):
        ends = []
        while mine and timezone.now() < soon - timedelta(milliseconds=20):
            pass
        for reservation in mine:
            ends.append(outcome(_caught(lambda r=reservation: redeem_coupon(reservation=r, key=str(r), actor=SYSTEM))))
        if mine is reservations:
            stop.set()
        return ends

    _, ends = at_once([sweep, lambda: pay(reservations)])
    assert set(ends) <= {"redeemed", "reservation_expired"}
    sweep_reservations()
    for reservation, end in zip(reservations, ends, strict=True):
        assert CouponUse.objects.get(pk=reservation).state == ("redeemed" if end == "redeemed" else "released")
    in_order(coupon)


def test_a_storm_of_everything_leaves_the_counters_true(make_coupon):
    coupon = make_coupon(code="STORM", limit_total=60, limit_per_customer=3, budget=100_000, value=1_000)
    customers = Customer.objects.bulk_create([Customer(name=f"C{n}", number=f"N{n}") for n in range(20)])

    def play(seed):
        rng, mine = random.Random(seed), []
        for _ in range(40):
            choice = rng.random()
            if choice < 0.5 or not mine:
                answer = _caught(lambda: reserve("STORM", rng.choice(customers)))
                if isinstance(answer, dict):
                    mine.append(uuid.UUID(answer["reservation"]))
                else:
                    assert isinstance(answer, Refused), answer
            else:
                move = redeem_coupon if choice < 0.8 else release_coupon
                result = _caught(lambda m=move: m(reservation=rng.choice(mine), key=str(uuid.uuid4()), actor=SYSTEM))
                assert isinstance(result, dict | Conflict), result
        return True

    assert at_once([lambda s=s: play(s) for s in range(12)]) == [True] * 12
    in_order(coupon)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT reserved_count + redeemed_count <= limit_total FROM campaigns_coupon WHERE id = %s", [coupon.pk]
        )
        assert cursor.fetchone() == (True,)


def _caught(function):
    try:
        return function()
    except DomainError as error:
        return error
