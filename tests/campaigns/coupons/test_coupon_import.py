"""Test imported coupon codes and uses: codes stay usable, and uses count once."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.conf import settings
from django.utils import translation

from campaigns.coupons.models import Coupon, CouponCode, CouponTally, CouponUse
from campaigns.coupons.services.uses import validate_coupon
from core.base.actor import SYSTEM
from crm.imports.services import running as imports
from crm.imports.services.refusals import refused_csv

pytestmark = pytest.mark.django_db
EXAMPLE = Path(settings.BASE_DIR) / "docs" / "examples" / "imports" / "coupons.csv"


@pytest.fixture
def bring(store, make_customer, tmp_path):
    make_customer("Anna", phone="13800000001")
    make_customer("Ben", phone="13800000002")

    def run(text: str = ""):
        path = tmp_path / "coupons.csv"
        path.write_text(text or EXAMPLE.read_text())
        return imports.run_import(run=imports.create_import(kind="coupons", source="old", path=str(path), actor=SYSTEM))

    return run


def test_codes_and_uses_are_imported_once(bring):
    run = bring()
    assert (run.read_count, run.accepted_count, run.unchanged_count, run.refused_count) == (4, 4, 0, 0)
    assert list(
        Coupon.objects.order_by("name").values_list(
            "name", "kind", "value", "minimum_spend", "issued_count", "redeemed_count", "redeemed_amount"
        )
    ) == [("Friends", "percent", 10, 0, 1, 2, 1380), ("Spring 2024", "amount", 2000, 10000, 2, 1, 2000)]
    assert list(
        CouponCode.objects.order_by("code").values_list("code", "customer__name", "use_limit", "redeemed_count")
    ) == [("FRIENDS10", None, None, 2), ("OLDSPRING24A", "Anna", 1, 1), ("OLDSPRING24B", "Ben", 1, 0)]
    assert list(
        CouponUse.objects.order_by("redeemed_at").values_list("order_reference", "state", "discount", "cart_amount")
    ) == [("S-0900", "redeemed", 880, 8800), ("S-0901", "redeemed", 500, 5000), ("S-1001", "redeemed", 2000, 15000)]
    assert CouponUse.objects.get(order_reference="S-1001").redeemed_at == datetime(2024, 3, 5, 4, tzinfo=UTC)
    assert CouponTally.objects.get().used == 1
    again = bring()
    assert (again.accepted_count, again.unchanged_count, again.refused_count) == (0, 4, 0)
    assert (Coupon.objects.count(), CouponCode.objects.count(), CouponUse.objects.count()) == (2, 3, 3)


def test_an_imported_code_keeps_its_uses(bring, make_customer):
    bring()
    ben = CouponCode.objects.get(code="OLDSPRING24B").customer
    quote = validate_coupon(code="OLD-SPRING-24B", customer=ben, cart_amount=15000, currency="CNY", actor=SYSTEM)
    assert (quote.valid, quote.discount) == (True, 2000)
    anna = CouponCode.objects.get(code="OLDSPRING24A").customer
    quote = validate_coupon(code="OLDSPRING24A", customer=anna, cart_amount=15000, currency="CNY", actor=SYSTEM)
    assert quote.reason == "code_limit"


def test_a_corrected_file_of_refused_rows_gives_codes(bring):
    run = bring("code,coupon,type,value\nAB,Spring,amount,20\n")
    for language in ("en", "zh-hans"):
        with translation.override(language):
            text = "".join(refused_csv(run))
        bring(text.replace("AB,Spring", f"MENDED{language[:2].upper()},Spring"))
    assert sorted(CouponCode.objects.values_list("code", flat=True)) == ["MENDEDEN", "MENDEDZH"]


def test_invalid_codes_and_uses_are_refused(bring):
    bring()
    run = bring(
        "code,coupon,type,value,phone,used_at,order,discount,cart_amount\n"
        "AB,Spring 2024,amount,20,,,,,\nNEWCODE1,Spring 2024,amount,30,,,,,\nNEWCODE2,Other,,,,,,,\n"
        "OLDSPRING24B,Friends,,,,,,,\nOLDSPRING24A,Spring 2024,,,,2024-04-01,S-2,20,100\n"
        "NEWCODE3,Spring 2024,,,13800000001,2024-04-01,S-1001,20,100\nNEWCODE4,Spring 2024,,,,2024-04-01,S-3,50,20\n"
    )
    assert list(run.refusals.order_by("row_number").values_list("row_number", "field", "code")) == [
        (2, "code", "code_unusable"),
        (3, "value", "coupon_differs"),
        (4, "value", "required"),
        (5, "code", "code_taken"),
        (6, "code", "code_limit"),
        (7, "order", "order_has_coupon"),
        (8, "discount", "invalid"),
    ]
    assert (Coupon.objects.count(), CouponCode.objects.count(), CouponUse.objects.count()) == (2, 3, 3)
