"""Test coupons that are valid on the member day only."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from campaigns.coupons.models import Coupon, CouponUse
from campaigns.coupons.services.coupons import create_coupon, duplicate_coupon, update_coupon
from campaigns.coupons.services.uses import redeem_coupon, reserve_coupon, validate_coupon
from core.base import clock
from core.base.actor import SYSTEM
from core.base.errors import Invalid, Refused
from core.db.models import IdempotencyRecord
from loyalty.program.models import Program
from loyalty.program.selectors import program_day

pytestmark = pytest.mark.django_db


def set_member_day(at: datetime) -> None:
    Program.objects.update(member_day_kind="day", member_day_number=program_day(at).day)


@pytest.fixture
def coupon(program, make_coupon) -> Coupon:
    set_member_day(clock.now())
    return make_coupon(code="MEMBER8", member_day_only=True, limit_per_code=None, limit_per_customer=None)


def validate():
    return validate_coupon(code="MEMBER8", cart_amount=10_000, currency="CNY", actor=SYSTEM)


def reserve(key: str):
    return reserve_coupon(code="MEMBER8", cart_amount=10_000, currency="CNY", key=key, actor=SYSTEM)


def test_the_code_is_valid_on_the_member_day(coupon):
    assert (validate().valid, validate().discount) == (True, 2_000)
    answer = reserve("a")
    assert (answer["state"], answer["discount"]) == ("reserved", 2_000)
    assert reserve("a") == answer, "the same key gives the same answer"
    assert CouponUse.objects.count() == 1


def test_on_other_days_it_is_refused_with_the_next_member_day(coupon):
    # given a member day that was two days ago or is in some weeks
    other = clock.now() - timedelta(days=2)
    set_member_day(other)
    setting_day = program_day(other).day
    # when the code is used
    quote = validate()
    with pytest.raises(Refused) as caught:
        reserve("a")
    # then it names the condition and the next day
    assert (quote.valid, quote.reason, quote.figures["condition"]) == (False, "condition_failed", "member_day")
    upcoming = datetime.fromisoformat(quote.figures["next_on"]).date()
    assert upcoming > program_day(clock.now())
    assert upcoming.day <= setting_day
    assert (caught.value.code, caught.value.details) == ("condition_failed", quote.figures)
    assert str(caught.value.message) == "This coupon is valid on the member day only."
    assert CouponUse.objects.count() == 0
    assert IdempotencyRecord.objects.count() == 0


def test_without_a_member_day_it_is_never_valid(coupon):
    Program.objects.update(member_day_kind="")
    assert validate().figures == {"condition": "member_day", "next_on": None}
    with pytest.raises(Refused):
        reserve("a")
    assert CouponUse.objects.count() == 0


def test_other_conditions_still_count_on_the_member_day(coupon):
    update_coupon(coupon=coupon, minimum_spend=20_000, actor=SYSTEM)
    assert validate().figures == {"condition": "minimum_spend", "minimum_spend": 20_000}
    with pytest.raises(Refused) as caught:
        reserve("a")
    assert caught.value.details["condition"] == "minimum_spend"
    assert CouponUse.objects.count() == 0


def test_a_reservation_of_the_day_can_be_paid_after_it(coupon):
    answer = reserve("a")
    set_member_day(clock.now() - timedelta(days=2))
    assert redeem_coupon(reservation=answer["reservation"], key="b", actor=SYSTEM)["state"] == "redeemed"


def test_a_coupon_of_the_member_day_needs_one(program):
    with pytest.raises(Invalid) as caught:
        create_coupon(name="Eighth", kind="percent", value=10, member_day_only=True, actor=SYSTEM)
    assert (caught.value.code, caught.value.field) == ("no_member_day", "member_day_only")
    assert Coupon.objects.count() == 0
    plain = create_coupon(name="Eighth", kind="percent", value=10, actor=SYSTEM)
    with pytest.raises(Invalid) as caught:
        update_coupon(coupon=plain, member_day_only=True, actor=SYSTEM)
    assert caught.value.code == "no_member_day"
    set_member_day(clock.now())
    changed = update_coupon(coupon=plain, member_day_only=True, actor=SYSTEM)
    assert changed.member_day_only
    assert duplicate_coupon(coupon=changed, actor=SYSTEM).member_day_only
