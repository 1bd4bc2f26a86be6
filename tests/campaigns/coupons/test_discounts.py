"""Test that percentages are entered and shown in the reader's convention, and that large discounts are confirmed."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.urls import reverse
from django.utils import translation

from campaigns.coupons import labels as coupon_words
from campaigns.coupons.models import Coupon
from campaigns.coupons.rules import discounts
from campaigns.coupons.services.codes import issue_coupon
from campaigns.coupons.services.coupons import create_coupon, update_coupon
from campaigns.templates.services.contexts import coupon_context
from core.base.actor import SYSTEM
from core.base.errors import Invalid
from core.security.roles import Role

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("open_policy")]
CHINESE = {"HTTP_ACCEPT_LANGUAGE": "zh-hans"}
PERCENT = {"name": "X", "kind": "percent", "mode": "unique", "limit_per_customer": "1"}


@pytest.mark.parametrize(
    ("off", "zhe"), [(15, "8.5"), (10, "9"), (5, "9.5"), (50, "5"), (85, "1.5"), (91, "0.9"), (1, "9.9"), (100, "0")]
)
def test_tenths_to_pay_and_percent_off_are_one_discount(off, zhe):
    assert discounts.zhe_of(off) == Decimal(zhe)
    assert discounts.percent_off(Decimal(zhe)) == off


@pytest.mark.parametrize("zhe", ["10", "85", "-1", "8.55"])
def test_an_invalid_number_of_tenths_is_refused(zhe):
    with pytest.raises(ValueError, match="one decimal"):
        discounts.percent_off(Decimal(zhe))


@pytest.mark.parametrize(
    ("fields", "english", "chinese"),
    [
        ({"kind": "percent", "value": 15}, "Customers pay 85%: 15% off.", "打8.5折，实付85%。"),
        (
            {"kind": "percent", "value": 15, "minimum_spend": 100_00},
            "Customers pay 85%: 15% off from ¥100.00.",
            "满¥100.00打8.5折，实付85%。",
        ),
        (
            {"kind": "percent", "value": 10, "max_discount": 50_00},
            "Customers pay 90%: 10% off. At most ¥50.00 is taken off.",
            "打9折，实付90%。最多优惠¥50.00。",
        ),
        (
            {"kind": "amount", "value": 20_00, "minimum_spend": 100_00},
            "¥20.00 off from ¥100.00.",
            "满¥100.00减¥20.00。",
        ),
        ({"kind": "amount", "value": 20_00}, "¥20.00 off.", "减¥20.00。"),
    ],
)
def test_a_sentence_states_the_price_to_pay(make_coupon, fields, english, chinese):
    coupon = make_coupon(**fields)
    with translation.override("en"):
        assert coupon_words.terms(coupon) == english
    with translation.override("zh-hans"):
        assert coupon_words.terms(coupon) == chinese


def test_a_free_coupon_is_called_free(make_coupon):
    coupon = make_coupon(kind="percent", value=100, large_discount_confirmed=True)
    with translation.override("zh-hans"):
        assert coupon_words.worth(coupon) == "免单"


def test_in_chinese_tenths_are_entered_and_eighty_five_is_refused(marketer):
    address = reverse("coupon_new")
    page = marketer.post(address, {**PERCENT, "do": "look", "value": ""}, **CHINESE)
    assert 'name="zhe"' in page.content.decode()
    assert 'name="value"' not in page.content.decode()
    refused = marketer.post(address, {**PERCENT, "zhe": "85"}, **CHINESE)
    assert list(refused.context["form"].errors) == ["zhe"]
    assert not Coupon.objects.exists()
    saved = marketer.post(address, {**PERCENT, "zhe": "8.5"}, follow=True, **CHINESE)
    coupon = Coupon.objects.get()
    assert (coupon.kind, coupon.value) == ("percent", 15)
    assert "打8.5折，实付85%。" in saved.content.decode()
    assert "8.5折" in marketer.get(reverse("coupons"), **CHINESE).content.decode()
    assert "8.5折" not in marketer.get(reverse("coupons")).content.decode()


def test_in_english_percent_off_is_entered(marketer):
    page = marketer.post(reverse("coupon_new"), {**PERCENT, "do": "look"})
    assert 'name="value"' in page.content.decode()
    saved = marketer.post(reverse("coupon_new"), {**PERCENT, "value": "15"}, follow=True)
    assert Coupon.objects.get().value == 15
    assert "Customers pay 85%: 15% off." in saved.content.decode()


@pytest.mark.parametrize(("typed", "extra", "off"), [({"value": "85"}, {}, 85), ({"zhe": "1.5"}, CHINESE, 85)])
def test_more_than_half_of_the_price_is_saved_when_it_is_confirmed(marketer, typed, extra, off):
    address = reverse("coupon_new")
    refused = marketer.post(address, {**PERCENT, **typed}, **extra)
    assert list(refused.context["form"].errors) == ["large_discount_confirmed"]
    assert 'name="large_discount_confirmed"' in refused.content.decode()
    assert not Coupon.objects.exists()
    marketer.post(address, {**PERCENT, **typed, "large_discount_confirmed": "on"}, **extra)
    assert Coupon.objects.get().value == off


@pytest.mark.parametrize(
    ("fields", "refused"),
    [
        ({"kind": "percent", "value": 50}, False),
        ({"kind": "percent", "value": 51}, True),
        ({"kind": "amount", "value": 50_00, "minimum_spend": 100_00}, False),
        ({"kind": "amount", "value": 50_01, "minimum_spend": 100_00}, True),
        ({"kind": "amount", "value": 500_00}, False),
    ],
)
def test_the_service_asks_for_the_confirmation(store, fields, refused):
    if refused:
        with pytest.raises(Invalid) as error:
            create_coupon(name="X", actor=SYSTEM, **fields)
        assert (error.value.code, error.value.field) == ("large_discount", "large_discount_confirmed")
        assert not Coupon.objects.exists()
    create_coupon(name="X", actor=SYSTEM, large_discount_confirmed=refused, **fields)


def test_a_minimum_spend_below_twice_the_amount_needs_confirmation(make_coupon):
    coupon = make_coupon(value=50_00, minimum_spend=200_00)
    with pytest.raises(Invalid) as error:
        update_coupon(coupon=coupon, actor=SYSTEM, minimum_spend=60_00)
    assert error.value.code == "large_discount"
    coupon.refresh_from_db()
    assert coupon.minimum_spend == 200_00
    update_coupon(coupon=coupon, actor=SYSTEM, minimum_spend=60_00, large_discount_confirmed=True)


def test_messages_show_discounts_in_the_readers_language(make_coupon):
    coupon = make_coupon(kind="percent", value=15)
    english, chinese = (coupon_context(coupon, None, language) for language in ("en", "zh-hans"))
    assert (english["value"], english["terms"]) == ("15%", "Customers pay 85%: 15% off.")
    assert (chinese["value"], chinese["terms"]) == ("8.5折", "打8.5折，实付85%。")


def test_the_api_names_the_discount(api, make_coupon, make_customer):
    customer = make_customer()
    issue_coupon(customer=customer, coupon=make_coupon(kind="percent", value=15), cause="a", actor=SYSTEM)
    issue_coupon(customer=customer, coupon=make_coupon(), cause="b", actor=SYSTEM)
    rows = api.get(f"/api/v1/customers/{customer.number}/coupons").json()
    assert [(row["kind"], row["value"], row["percent_off"]) for row in rows] == [
        ("amount", 2000, None), ("percent", 15, 15),
    ]  # fmt: skip


def test_the_customers_page_and_the_admin_show_the_discount(as_role, make_coupon, make_customer):
    customer = make_customer()
    coupon = make_coupon(kind="percent", value=15)
    issue_coupon(customer=customer, coupon=coupon, cause="a", actor=SYSTEM)
    client = as_role(Role.ADMINISTRATOR)
    assert "15% off" in client.get(reverse("customer", args=[customer.number]), {"tab": "coupons"}).content.decode()
