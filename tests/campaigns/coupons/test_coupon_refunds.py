"""Test that a coupon is given back once its order is refunded in full, unless the coupon excludes it."""

from __future__ import annotations

import uuid
from decimal import Decimal

import pytest

from campaigns.coupons.handlers import give_back_coupons
from campaigns.coupons.models import Coupon, CouponCode, CouponTally, CouponUse
from campaigns.coupons.services.coupons import create_coupon, update_coupon
from campaigns.coupons.services.uses import redeem_coupon, release_coupon, reserve_coupon, validate_coupon
from core.base.actor import SYSTEM, Actor
from core.events.models import DomainEvent
from crm.imports.services import running as imports
from crm.orders.services.refunds import RefundLineInput, record_refund

pytestmark = pytest.mark.django_db
SHOP = Actor("key", 1)


@pytest.fixture
def ann(make_customer):
    return make_customer("Ann")


@pytest.fixture
def use(store):
    """Use a coupon: use(customer, "O-1") returns a coupon of 5.00 that was used for this order."""

    def make(customer, number: str, **fields) -> CouponUse:
        create_coupon(name="Five off", kind="amount", value=500, mode="public", code="FIVEOFF", actor=SYSTEM, **fields)
        held = reserve_coupon(
            code="FIVEOFF", customer=customer, cart_amount=10_500, currency="CNY", reference=number,
            key=uuid.uuid4().hex, actor=SHOP,
        )  # fmt: skip
        redeem_coupon(reservation=held["reservation"], key=uuid.uuid4().hex, actor=SHOP)
        return CouponUse.objects.get(pk=held["reservation"])

    return make


def refund(number: str, refund_number: str = "R-1", **fields):
    return record_refund(order_number=number, number=refund_number, source="storefront", actor=SHOP, **fields)


def figures(customer) -> tuple:
    coupon, code = Coupon.objects.get(), CouponCode.objects.get()
    tally = CouponTally.objects.filter(customer_id=customer.pk).values_list("used", flat=True).first()
    return CouponUse.objects.get().state, coupon.redeemed_count, coupon.redeemed_amount, code.redeemed_count, tally


def test_a_full_refund_frees_the_use_and_the_code_works_again(ann, use, make_order, settle):
    # given an order of 100.00 for which the coupon was used, once per customer
    make_order(ann, 10_000, number="O-1")
    use(ann, "O-1")
    assert figures(ann) == ("redeemed", 1, 500, 1, 1)
    assert validate_coupon(code="FIVEOFF", cart_amount=9_000, currency="CNY", actor=SHOP, customer=ann).reason == (
        "customer_limit"
    )
    # when
    refund("O-1")
    settle()
    # then
    assert figures(ann) == ("released", 0, 0, 0, 0)
    assert validate_coupon(code="FIVEOFF", cart_amount=9_000, currency="CNY", actor=SHOP, customer=ann).valid
    told = DomainEvent.objects.get(kind="campaigns.coupon_released")
    assert (told.subject_id, told.actor, told.payload["reference"]) == (ann.pk, "system", "O-1")


def test_a_replay_gives_it_back_once(ann, use, make_order, settle):
    # given a coupon that was given back and used for another order
    order = make_order(ann, 10_000, number="O-1")
    use(ann, "O-1")
    refund("O-1")
    settle()
    held = reserve_coupon(
        code="FIVEOFF", customer=ann, cart_amount=9_000, currency="CNY", reference="O-2", key="again", actor=SHOP
    )
    redeem_coupon(reservation=held["reservation"], key="again-2", actor=SHOP)
    # when the event is handled again
    event = DomainEvent.objects.get(kind="crm.order_refunded")
    assert event.payload["order"] == order.pk
    give_back_coupons([event, event])
    # then the second use stays used
    assert sorted(CouponUse.objects.values_list("order_reference", "state")) == [
        ("O-1", "released"),
        ("O-2", "redeemed"),
    ]
    assert (Coupon.objects.get().redeemed_count, Coupon.objects.get().redeemed_amount) == (1, 500)
    assert DomainEvent.objects.filter(kind="campaigns.coupon_released").count() == 1


def test_a_partial_refund_leaves_it_used_until_the_rest_is_refunded(ann, use, make_order, settle):
    make_order(ann, 10_000, number="O-1")
    use(ann, "O-1")
    refund("O-1", amount=9_999)
    settle()
    assert figures(ann) == ("redeemed", 1, 500, 1, 1)
    refund("O-1", "R-2", amount=1)
    settle()
    assert figures(ann) == ("released", 0, 0, 0, 0)


def test_a_coupon_that_is_not_given_back_stays_used(ann, use, make_order, settle):
    make_order(ann, 10_000, number="O-1")
    use(ann, "O-1", give_back=False)
    refund("O-1", lines=[RefundLineInput(1, Decimal(1))])
    settle()
    assert figures(ann) == ("redeemed", 1, 500, 1, 1)
    assert not DomainEvent.objects.filter(kind="campaigns.coupon_released").exists()


def test_the_setting_can_be_changed_later(ann, use, make_order, settle):
    make_order(ann, 10_000, number="O-1")
    coupon = use(ann, "O-1", give_back=False).coupon
    assert update_coupon(coupon=coupon, actor=SYSTEM, give_back=True).give_back is True
    refund("O-1")
    settle()
    assert figures(ann) == ("released", 0, 0, 0, 0)


def test_the_use_of_another_customer_or_one_that_the_shop_released_is_left_alone(
    ann, use, make_customer, make_order, settle
):
    # given Ann's use under a number that is Bob's order, and an order of Ann's whose use the shop has released itself
    make_order(make_customer("Bob"), 10_000, number="O-1")
    made = use(ann, "O-1")
    refund("O-1")
    settle()
    assert figures(ann) == ("redeemed", 1, 500, 1, 1)
    release_coupon(reservation=made.pk, key="by-hand", actor=SHOP)
    make_order(ann, 10_000, number="O-3")
    refund("O-3", "R-3")
    settle()
    assert figures(ann) == ("released", 0, 0, 0, 0)
    assert DomainEvent.objects.filter(kind="campaigns.coupon_released").count() == 1


def test_a_refund_that_a_file_brings_gives_the_coupon_back_too(use, ann, make_order, tmp_path, settle):
    # given an order of the shop's own with a used coupon
    make_order(ann, 10_500, number="O-1")
    held = use(ann, "O-1")
    path = tmp_path / "refunds.csv"
    path.write_text("order,amount,date\nO-1,105.00,2026-03-01\n")
    # when a file refunds it in full, and is imported again
    for outcome in (1, 0):
        run = imports.create_import(kind="refunds", source="storefront", path=str(path), actor=SYSTEM)
        run = imports.run_import(run=run)
        assert (run.accepted_count, run.refused_count) == (outcome, 0), run.result
        settle()
        # then
        held.refresh_from_db()
        assert held.state == "released"
