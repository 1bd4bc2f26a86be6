"""Describe coupons in words, for lists, pages, messages and members."""

from __future__ import annotations

from django.utils.translation import gettext as _t

from campaigns.models import Coupon, DiscountKind
from campaigns.rules.discounts import paid_percent, zhe_of
from core.formatting import in_chinese, money, number


def value_words(coupon: Coupon) -> str:
    """Return the value: 15% off or ¥20.00 off; 打8.5折 or 减¥20.00 in Chinese."""
    if coupon.kind != DiscountKind.PERCENT:
        return _t("%(amount)s off") % {"amount": money(coupon.value, coupon.currency)}
    if coupon.value == 100:
        return _t("free")
    if in_chinese():
        return f"打{zhe_words(coupon)}"
    return _t("%(percent)s%% off") % {"percent": number(coupon.value)}


def zhe_words(coupon: Coupon) -> str:
    """Return the percentage as 8.5折, for values below 100."""
    return f"{number(zhe_of(coupon.value))}折"


def worth(coupon: Coupon) -> str:
    """Return the value with its minimum spend: 15% off from ¥100.00."""
    if not coupon.minimum_spend:
        return value_words(coupon)
    spend = money(coupon.minimum_spend, coupon.currency)
    return _t("%(value)s from %(spend)s") % {"value": value_words(coupon), "spend": spend}


def terms(coupon: Coupon) -> str:
    """Return the price that customers pay as a sentence, which makes the direction of a percentage clear."""
    if coupon.kind != DiscountKind.PERCENT:
        return _t("%(worth)s.") % {"worth": worth(coupon)}
    text = _t("Customers pay %(paid)s%%: %(worth)s.") % {
        "paid": number(paid_percent(coupon.value)),
        "worth": worth(coupon),
    }
    if not coupon.max_discount:
        return text
    most = money(coupon.max_discount, coupon.currency)
    return _t("%(terms)s At most %(most)s is taken off.") % {"terms": text, "most": most}
