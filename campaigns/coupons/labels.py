"""Describe coupons in words, for lists, pages, messages and members."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from campaigns.coupons.models import Coupon, DiscountKind
from campaigns.coupons.rules.discounts import paid_percent, zhe_of
from core.text.formatting import in_chinese, money, number


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
    text = _price_terms(coupon)
    return _t("%(terms)s Valid on the member day only.") % {"terms": text} if coupon.member_day_only else text


def _price_terms(coupon: Coupon) -> str:
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


REFUSALS: dict[str, str | Promise] = {
    "unknown_code": _("This code does not exist."),
    "not_started": _("This coupon is not valid yet."),
    "expired": _("This coupon is no longer valid."),
    "wrong_customer": _("This code belongs to another customer."),
    "condition_failed": _("The cart does not meet the coupon's conditions."),
    "not_stackable": _("This order already has a coupon."),
    "code_limit": _("This code has been used."),
    "customer_limit": _("You have reached the use limit of this coupon."),
    "campaign_limit": _("This coupon has run out."),
    "budget_spent": _("This coupon has run out."),
}


def reason_text(code: str, figures: Mapping[str, Any]) -> str | Promise:
    """Return why a code is refused; of the conditions, the member day has a text of its own."""
    if figures.get("condition") == "member_day":
        return _("This coupon is valid on the member day only.")
    return REFUSALS[code]
