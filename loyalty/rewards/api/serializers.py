"""Shapes of the reward endpoints."""

from __future__ import annotations

from rest_framework import serializers

from crm.customers.api.serializers import MinorOut
from loyalty.rewards.models import RedemptionState

REASONS = (
    "reward_not_active, reward_ended, reward_not_started, not_in_audience, tier_too_low, member_limit, out_of_stock, "
    "no_codes_left, member_not_active, insufficient_points"
)


class RewardCategoryOut(serializers.Serializer):
    code = serializers.CharField()
    name = serializers.CharField()


class RewardOut(serializers.Serializer):
    code = serializers.CharField()
    kind = serializers.CharField(
        help_text="coupon, gift, voucher, privilege, donation, or one that the shop has added."
    )
    name = serializers.CharField()
    description = serializers.CharField()
    category = RewardCategoryOut(allow_null=True)
    picture = serializers.URLField(allow_null=True)
    points = serializers.IntegerField()
    money = MinorOut(help_text="Money to pay beside the points, in minor units.")
    currency = serializers.CharField()
    left = serializers.IntegerField(allow_null=True, help_text="How many are left; null is without limit.")
    limit = serializers.IntegerField(allow_null=True, help_text="The most for this member; null is without limit.")
    used = serializers.IntegerField(help_text="How many this member has had.")
    minimum_tier = serializers.CharField(allow_null=True)
    starts_at = serializers.DateTimeField(allow_null=True)
    ends_at = serializers.DateTimeField(allow_null=True)
    needs_address = serializers.BooleanField()
    can_redeem = serializers.BooleanField()
    reason = serializers.CharField(allow_blank=True, help_text=f"Why not: {REASONS}. Empty when they can.")
    missing = serializers.IntegerField(help_text="Points that the member still lacks.")


class AddressIn(serializers.Serializer):
    name = serializers.CharField(max_length=200)
    phone = serializers.CharField(max_length=200)
    line = serializers.CharField(max_length=200, help_text="Street, house and flat.")
    city = serializers.CharField(max_length=200)
    region = serializers.CharField(max_length=200, required=False, default="", allow_blank=True)
    postcode = serializers.CharField(max_length=200, required=False, default="", allow_blank=True)
    country = serializers.CharField(max_length=200, required=False, default="", allow_blank=True)


class RedeemRewardIn(serializers.Serializer):
    reward = serializers.CharField(max_length=40, help_text="The reward's code.")
    address = AddressIn(required=False, help_text="Required by rewards that need an address.")
    reference = serializers.CharField(
        max_length=200,
        required=False,
        default="",
        allow_blank=True,
        help_text="The payment of the money part. Required from a server key.",
    )


class MemberRedeemRewardIn(serializers.Serializer):
    """Redemption by a member's token. A token never pays money, so there is no payment to refer to."""

    reward = serializers.CharField(max_length=40)
    address = AddressIn(required=False)


class CancelRewardIn(serializers.Serializer):
    reason = serializers.CharField(max_length=200, required=False, default="", allow_blank=True)


class RewardRedemptionOut(serializers.Serializer):
    redemption = serializers.UUIDField()
    reward = serializers.CharField()
    name = serializers.CharField()
    kind = serializers.CharField()
    state = serializers.ChoiceField(choices=RedemptionState.values)
    points = serializers.IntegerField()
    money = MinorOut(help_text="Money to pay beside the points, in minor units.")
    currency = serializers.CharField()
    reference = serializers.CharField(
        allow_blank=True, help_text="The payment's reference, or a text of the kind, such as how to use a privilege."
    )
    tracking = serializers.CharField(allow_blank=True)
    code = serializers.CharField(allow_null=True, help_text="The code of a coupon or an e-voucher.")
    placed_at = serializers.DateTimeField()
    ended_at = serializers.DateTimeField(allow_null=True)
