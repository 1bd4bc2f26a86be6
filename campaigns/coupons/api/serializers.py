"""Shapes of the coupon and inbox endpoints. Amounts are minor units."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from campaigns.coupons.labels import REFUSALS
from campaigns.coupons.models import DiscountKind
from campaigns.coupons.selectors import HeldCoupon
from crm.customers.api.serializers import Minor, MinorOut


class CartIn(serializers.Serializer):
    code = serializers.CharField(max_length=60, help_text="As the customer entered it.")
    cart_amount = Minor(help_text="Total of the cart's goods, in minor units.")
    currency = serializers.RegexField(r"^[A-Z]{3}$")
    customer = serializers.CharField(
        max_length=20,
        required=False,
        default="",
        allow_blank=True,
        help_text="Customer number; a member's token implies it.",
    )
    reference = serializers.CharField(
        max_length=120,
        required=False,
        default="",
        allow_blank=True,
        help_text="Your order or cart reference; it can use one coupon.",
    )


class GuestCartIn(CartIn):
    guest = serializers.CharField(
        max_length=80,
        required=False,
        default="",
        allow_blank=True,
        help_text="Your own ID of a visitor without a customer number. Wrong codes are counted per ID.",
    )


class MemberCartIn(CartIn):
    """A member's own cart. The value of the reservation is set by the server at redemption."""


class CouponRedeemIn(serializers.Serializer):
    cart_amount = Minor(
        required=False,
        help_text=(
            "Final amount of the order's goods, in minor units; the discount is computed again from it. "
            "Required for a reservation made with a member's token."
        ),
    )


class CouponQuoteOut(serializers.Serializer):
    code = serializers.CharField(help_text="In normal form.")
    valid = serializers.BooleanField()
    discount = MinorOut(help_text="0 when the code is not valid.")
    reason = serializers.ChoiceField(choices=sorted(REFUSALS), allow_blank=True, help_text="Why not.")
    details = serializers.DictField(help_text="Figures for the reason, such as minimum_spend.")


class ReservationOut(serializers.Serializer):
    reservation = serializers.UUIDField()
    state = serializers.ChoiceField(choices=["reserved", "redeemed", "released"])
    coupon = serializers.IntegerField()
    code = serializers.CharField()
    discount = MinorOut()
    cart_amount = MinorOut()
    currency = serializers.CharField()
    reference = serializers.CharField()
    expires_at = serializers.DateTimeField(allow_null=True)


class IssueIn(serializers.Serializer):
    customer = serializers.CharField(max_length=20, help_text="Customer number.")
    cause = serializers.RegexField(
        r"^[ -~]{1,80}$", help_text="Your own reason or key: the same cause returns the same code."
    )


class HeldCouponOut(serializers.Serializer):
    code = serializers.CharField()
    coupon = serializers.IntegerField(source="coupon.pk")
    name = serializers.CharField(source="coupon.name")
    kind = serializers.CharField(source="coupon.kind")
    value = serializers.IntegerField(
        source="coupon.value", help_text="Minor units, or for `percent` the whole percent that is taken off."
    )
    percent_off = serializers.SerializerMethodField(
        help_text="Percent taken off the price: 15 means that the customer pays 85% (8.5 折). Null for an amount."
    )
    max_discount = MinorOut(source="coupon.max_discount", allow_null=True)
    minimum_spend = MinorOut(source="coupon.minimum_spend")
    currency = serializers.CharField(source="coupon.currency")
    state = serializers.ChoiceField(choices=["valid", "used", "expired"])
    expires_at = serializers.DateTimeField(allow_null=True)
    member_day_only = serializers.BooleanField(
        source="coupon.member_day_only", help_text="The code is valid on the member day of the program only."
    )
    uses_left = serializers.IntegerField(allow_null=True, help_text="Null: no limit.")

    @extend_schema_field({"type": "integer", "nullable": True})
    def get_percent_off(self, held: HeldCoupon) -> int | None:
        return held.coupon.value if held.coupon.kind == DiscountKind.PERCENT else None
