"""Define the fields of coupons and the inbox that a member's token can see.

`tests/api/member_fields.txt` lists every field and is reviewed with each change.
"""

from __future__ import annotations

from rest_framework import serializers

from campaigns.coupons.api import serializers as shapes
from core.api.shapes import picked


class Figures(serializers.Serializer):
    """The figures behind a refusal; figures that do not apply are left out."""

    condition = serializers.CharField(required=False)
    minimum_spend = serializers.IntegerField(required=False, help_text="In minor units.")
    currency = serializers.CharField(required=False)
    limit = serializers.IntegerField(required=False)
    starts_at = serializers.CharField(required=False)
    expired_at = serializers.CharField(required=False)
    next_on = serializers.DateField(required=False, allow_null=True)


CouponQuote = picked(
    "MemberCouponQuote", shapes.CouponQuoteOut, "code", "valid", "discount", "reason", details=Figures()
)
Reservation = picked(
    "MemberReservation",
    shapes.ReservationOut,
    *("reservation", "state", "coupon", "code", "discount", "cart_amount", "currency", "reference", "expires_at"),
)
HeldCoupon = picked(
    "MemberHeldCoupon",
    shapes.HeldCouponOut,
    *("code", "coupon", "name", "kind", "value", "max_discount", "minimum_spend", "currency", "state", "expires_at"),
    "member_day_only",
    "uses_left",
)
