"""Test C1-C4: validate, reserve, redeem, release, each with exact figures; refusals change nothing."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest
from django.utils import timezone

from campaigns.coupons.models import Coupon, CouponCode, CouponTally, CouponUse
from campaigns.coupons.rules import codes
from campaigns.coupons.services.codes import issue_coupon
from campaigns.coupons.services.uses import (
    TooManyGuesses,
    redeem_coupon,
    release_coupon,
    reserve_coupon,
    sweep_reservations,
    validate_coupon,
)
from core.base.actor import SYSTEM
from core.base.errors import Conflict, IdempotencyConflict, Invalid, NotFound, Refused
from core.db.models import IdempotencyRecord
from core.events.models import DomainEvent

pytestmark = pytest.mark.django_db


def figures(coupon: Coupon) -> tuple[int, int, int, int]:
    coupon.refresh_from_db()
    return coupon.reserved_count, coupon.redeemed_count, coupon.reserved_amount, coupon.redeemed_amount


def everything() -> tuple:
    return (
        list(Coupon.objects.order_by("pk").values()),
        list(CouponCode.objects.order_by("pk").values()),
        list(CouponTally.objects.order_by("coupon_id", "customer_id").values()),
        list(CouponUse.objects.order_by("pk").values()),
        IdempotencyRecord.objects.count(),
        DomainEvent.objects.count(),
    )


def reserve(code, customer=None, cart=10_000, key="", reference="", currency="CNY"):
    return reserve_coupon(
        code=code, customer=customer, cart_amount=cart, currency=currency, key=key or str(uuid.uuid4()),
        reference=reference, actor=SYSTEM,
    )  # fmt: skip


def redeem(answer, key="") -> dict:
    return redeem_coupon(reservation=uuid.UUID(answer["reservation"]), key=key or str(uuid.uuid4()), actor=SYSTEM)


def release(answer, key="") -> dict:
    return release_coupon(reservation=uuid.UUID(answer["reservation"]), key=key or str(uuid.uuid4()), actor=SYSTEM)


def test_counters_rise_once_at_redeem_and_fall_on_release(make_coupon, make_customer):
    coupon, customer = make_coupon(code="SAVE20", limit_per_customer=2, limit_total=5, budget=10_000), make_customer()
    code = CouponCode.objects.get(coupon=coupon)

    quote = validate_coupon(code="save-20", cart_amount=10_000, currency="CNY", customer=customer, actor=SYSTEM)
    assert (quote.valid, quote.discount, quote.reason) == (True, 2_000, "")
    assert figures(coupon) == (0, 0, 0, 0)

    answer = reserve(" save20 ", customer, reference="cart-1")
    assert (answer["state"], answer["discount"], answer["code"]) == ("reserved", 2_000, "SAVE20")
    assert figures(coupon) == (1, 0, 2_000, 0)
    assert CouponTally.objects.get(coupon_id=coupon.pk, customer_id=customer.pk).used == 1

    assert redeem(answer)["state"] == "redeemed"
    assert figures(coupon) == (0, 1, 0, 2_000)
    code.refresh_from_db()
    assert (code.reserved_count, code.redeemed_count) == (0, 1)
    assert DomainEvent.objects.filter(kind="campaigns.coupon_redeemed", subject_id=customer.pk).count() == 1

    assert release(answer)["state"] == "released"
    assert figures(coupon) == (0, 0, 0, 0)
    code.refresh_from_db()
    assert (code.reserved_count, code.redeemed_count) == (0, 0)
    assert CouponTally.objects.get(coupon_id=coupon.pk, customer_id=customer.pk).used == 0
    assert DomainEvent.objects.filter(kind="campaigns.coupon_released").count() == 1


def test_releasing_a_reservation_gives_it_back_without_a_use(make_coupon, make_customer):
    coupon, customer = make_coupon(code="SAVE20"), make_customer()
    answer = reserve("SAVE20", customer, reference="cart-1")
    release(answer)
    assert figures(coupon) == (0, 0, 0, 0)
    assert not DomainEvent.objects.filter(kind__startswith="campaigns.coupon_re").exists()
    assert reserve("SAVE20", customer, reference="cart-1")["state"] == "reserved", "the same order may have it again"


@pytest.mark.parametrize(
    ("coupon", "cart", "discount"),
    [
        ({"kind": "percent", "value": 15}, 9_999, 1_499),
        ({"kind": "percent", "value": 50, "max_discount": 3_000}, 10_000, 3_000),
        ({"kind": "amount", "value": 2_000}, 1_500, 1_500),
    ],
)
def test_discounts(make_coupon, make_customer, coupon, cart, discount):
    made = make_coupon(code="CODE", **coupon)
    assert reserve("CODE", make_customer(), cart=cart)["discount"] == discount
    assert figures(made) == (1, 0, discount, 0)


def test_every_refusal_has_its_reason_and_changes_nothing(make_coupon, make_customer):
    now = timezone.now()
    customer, other = make_customer(), make_customer()
    make_coupon(code="EARLY", starts_at=now + timedelta(days=1))
    make_coupon(code="LATE", starts_at=now - timedelta(days=2), ends_at=now - timedelta(seconds=1))
    Coupon.objects.filter(pk=make_coupon(code="SWITCHEDOFF").pk).update(active=False)
    make_coupon(code="MINIMUM", minimum_spend=20_000)
    make_coupon(code="ONCE")
    make_coupon(code="TWICEINALL", limit_total=1)
    make_coupon(code="LITTLE", budget=3_000, limit_per_customer=None)
    make_coupon(code="STACK")
    issued = make_coupon(name="Issued", valid_days=7)
    mine = issue_coupon(customer=customer, coupon=issued, cause="test", actor=SYSTEM)
    gone = issue_coupon(customer=customer, coupon=issued, cause="test 2", actor=SYSTEM)
    CouponCode.objects.filter(pk=gone.pk).update(expires_at=now - timedelta(seconds=1))
    used = make_coupon(name="Used", limit_per_customer=None)
    used_code = issue_coupon(customer=customer, coupon=used, cause="test", actor=SYSTEM)
    reserve(used_code.code, customer)
    reserve("ONCE", customer)
    reserve("TWICEINALL", other)
    reserve("LITTLE", other, reference="order-9")
    reserve("STACK", customer, reference="order-1")

    before = everything()
    for code, who, options, reason in [
        ("NOSUCH", customer, {}, "unknown_code"),
        ("EARLY", customer, {}, "not_started"),
        ("LATE", customer, {}, "expired"),
        ("SWITCHEDOFF", customer, {}, "expired"),
        (gone.code, customer, {}, "expired"),
        (mine.code, other, {}, "wrong_customer"),
        (mine.code, None, {}, "wrong_customer"),
        ("MINIMUM", customer, {"cart": 19_999}, "condition_failed"),
        ("MINIMUM", customer, {"cart": 20_000, "currency": "USD"}, "condition_failed"),
        ("ONCE", None, {}, "condition_failed"),
        ("ONCE", other, {"cart": 0}, "condition_failed"),
        ("EARLY", other, {"reference": "order-9"}, "not_started"),
        ("ONCE", other, {"reference": "order-9"}, "not_stackable"),
        (used_code.code, customer, {}, "code_limit"),
        ("ONCE", customer, {}, "customer_limit"),
        ("TWICEINALL", customer, {}, "campaign_limit"),
        ("LITTLE", customer, {}, "budget_spent"),
    ]:
        with pytest.raises(Refused) as refusal:
            reserve(code, who, **options)
        assert refusal.value.code == reason, code
        quote = validate_coupon(
            code=code, cart_amount=options.get("cart", 10_000), currency=options.get("currency", "CNY"), customer=who,
            reference=options.get("reference", ""), actor=SYSTEM,
        )  # fmt: skip
        assert (quote.valid, quote.reason, quote.discount) == (False, reason, 0)
    assert everything() == before, "a refused command leaves no trace"


def test_repeats_give_the_first_answer_and_another_request_is_refused(make_coupon, make_customer):
    coupon, customer = make_coupon(code="SAVE20", limit_per_customer=None), make_customer()
    first = reserve("SAVE20", customer, key="k1", reference="o")
    assert reserve("save 20", customer, key="k1", reference="o") == first
    assert figures(coupon) == (1, 0, 2_000, 0)
    with pytest.raises(IdempotencyConflict):
        reserve("SAVE20", customer, key="k1", cart=9_999, reference="o")
    done = redeem(first, key="k2")
    assert redeem(first, key="k2") == done
    assert figures(coupon) == (0, 1, 0, 2_000)
    with pytest.raises(Conflict) as again:
        redeem(first, key="k3")
    assert again.value.code == "reservation_redeemed"
    freed = release(first, key="k4")
    assert release(first, key="k4") == freed
    with pytest.raises(Conflict) as again:
        release(first, key="k5")
    assert again.value.code == "reservation_released"
    assert figures(coupon) == (0, 0, 0, 0)
    with pytest.raises(IdempotencyConflict):
        release(first, key="k2")
    with pytest.raises(Invalid):
        redeem_coupon(reservation=uuid.uuid4(), key="", actor=SYSTEM)
    with pytest.raises(NotFound):
        redeem_coupon(reservation=uuid.uuid4(), key="k6", actor=SYSTEM)


@pytest.mark.parametrize("swept_first", [False, True])
def test_an_expired_reservation_is_refused_before_and_after_the_sweep(make_coupon, make_customer, swept_first):
    coupon, customer = make_coupon(code="SAVE20"), make_customer()
    answer = reserve("SAVE20", customer)
    past = timezone.now() - timedelta(seconds=1)
    CouponUse.objects.update(expires_at=past, reserved_at=past - timedelta(minutes=15))
    if swept_first:
        assert sweep_reservations() == 1
        assert figures(coupon) == (0, 0, 0, 0)
    with pytest.raises(Conflict) as refusal:
        redeem(answer)
    assert refusal.value.code == "reservation_expired"
    assert sweep_reservations() == (0 if swept_first else 1)
    assert sweep_reservations() == 0
    assert figures(coupon) == (0, 0, 0, 0)
    assert CouponTally.objects.get().used == 0
    assert redeem(reserve("SAVE20", customer))["state"] == "redeemed", "it may be reserved anew"


def test_wrong_guesses_are_limited_per_customer(make_coupon, make_customer):
    make_coupon(code="SAVE20")
    guesser, honest = make_customer(), make_customer()
    for number in range(10):
        with pytest.raises(Refused) as refusal:
            reserve(f"WRONG{number}", guesser)
        assert refusal.value.code == "unknown_code"
    with pytest.raises(TooManyGuesses):
        reserve("SAVE20", guesser)
    with pytest.raises(TooManyGuesses):
        validate_coupon(code="SAVE20", cart_amount=1, currency="CNY", customer=guesser, actor=SYSTEM)
    assert reserve("SAVE20", honest)["state"] == "reserved"


def test_codes_are_long_and_a_mistyped_one_is_detected():
    made = codes.new_codes(2_000)
    assert len(set(made)) == 2_000
    assert len(codes.ALPHABET) ** codes.RANDOM > 2**60
    assert not set("01ILOQUVWYSZB") & set(codes.ALPHABET)
    code = made[0]
    assert not codes.is_mistyped(code)
    assert codes.normalise(f" {codes.shown(code).lower()} ") == code
    for place in range(len(code)):
        for character in codes.ALPHABET:
            if character != code[place]:
                assert codes.is_mistyped(code[:place] + character + code[place + 1 :])
        if place and code[place] != code[place - 1]:
            assert codes.is_mistyped(code[: place - 1] + code[place] + code[place - 1] + code[place + 1 :])


def test_counters_are_not_copied_into_the_audit_history(make_coupon, make_customer):
    coupon = make_coupon(code="SAVE20")
    history = coupon.events.count()
    redeem(reserve("SAVE20", make_customer()))
    assert coupon.events.count() == history
    Coupon.objects.filter(pk=coupon.pk).update(name="Winter")
    assert coupon.events.count() == history + 1
