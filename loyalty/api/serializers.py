"""Shapes of the membership and points endpoints."""

from __future__ import annotations

from typing import Annotated

import msgspec
from rest_framework import serializers

from crm.api.serializers import Minor, MinorOut, Whole
from loyalty.models import SuspensionReason

LARGEST = 2**53


class TierOut(serializers.Serializer):
    code = serializers.CharField()
    name = serializers.CharField(source="label")
    rank = serializers.IntegerField()


class NextTierOut(serializers.Serializer):
    code = serializers.CharField()
    name = serializers.CharField()
    missing = serializers.IntegerField(
        help_text="Minor units, orders or growth value, depending on the program's metric."
    )
    text = serializers.CharField(allow_blank=True, help_text="A sentence that says what to do and by when.")


class MemberOut(serializers.Serializer):
    customer = serializers.CharField()
    state = serializers.CharField()
    tier = TierOut(allow_null=True)
    next_tier = NextTierOut(allow_null=True)
    qualifying = serializers.IntegerField(help_text="Minor units, orders or growth value in the program's period.")
    currency = serializers.CharField(help_text="Currency of the amounts here when the metric is spend.")
    enrolled_at = serializers.DateTimeField()


class EnrolIn(serializers.Serializer):
    customer = serializers.CharField(max_length=20)
    referred_by = serializers.CharField(
        max_length=20,
        required=False,
        default="",
        allow_blank=True,
        help_text="Customer number of the referring member. Set when the customer joins, never changed later.",
    )


class SuspendIn(serializers.Serializer):
    reason = serializers.ChoiceField(choices=SuspensionReason.choices)
    note = serializers.CharField(
        max_length=400, required=False, default="", allow_blank=True, help_text="For staff; members never see it."
    )


class ResumeIn(serializers.Serializer):
    note = serializers.CharField(
        max_length=400, required=False, default="", allow_blank=True, help_text="For staff; members never see it."
    )


class DatedPointsOut(serializers.Serializer):
    points = serializers.IntegerField()
    at = serializers.DateTimeField()


class BalanceOut(serializers.Serializer):
    available = serializers.IntegerField()
    pending = serializers.IntegerField(help_text="Not spendable until the return window has passed.")
    becoming_available = DatedPointsOut(
        many=True, help_text="The pending points by the date when they become available, soonest first."
    )
    held = serializers.IntegerField(help_text="Set aside for purchases under way.")
    balance = serializers.IntegerField(help_text="available + held")
    debt = serializers.IntegerField(help_text="Points that refunds could not take back; the next earnings pay it.")
    worth = MinorOut(help_text="Amount that the available points pay for, in minor units.")
    currency = serializers.CharField(help_text="Currency of `worth`.")
    expiring = DatedPointsOut(many=True, help_text="Soonest first.")


class EntryOut(serializers.Serializer):
    id = serializers.IntegerField()
    kind = serializers.CharField()
    available = serializers.IntegerField(help_text="Change of the available points.")
    pending = serializers.IntegerField()
    held = serializers.IntegerField()
    debt = serializers.IntegerField()
    reference = serializers.CharField()
    reason = serializers.CharField()
    occurred_at = serializers.DateTimeField()


class QuoteLineIn(serializers.Serializer):
    sku = serializers.CharField(max_length=64)
    amount = Minor(help_text="Amount after the discount, in minor units.")


class QuoteIn(serializers.Serializer):
    amount = Minor(help_text="Amount of the goods in the cart, in minor units.")
    lines = QuoteLineIn(
        many=True,
        required=False,
        default=list,
        max_length=500,
        help_text="Needed for rules about categories and products.",
    )
    channel = serializers.CharField(max_length=40, required=False, default="", allow_blank=True)
    store = serializers.CharField(
        max_length=40,
        required=False,
        default="",
        allow_blank=True,
        help_text="The store's code. Without it, the default store.",
    )


class EarnedOut(serializers.Serializer):
    rule = serializers.CharField()
    name = serializers.CharField()
    point_type = serializers.CharField()
    points = serializers.IntegerField()
    cut = serializers.IntegerField(help_text="Points that a limit of the rule holds back.")


class QuoteOut(serializers.Serializer):
    points_available = serializers.IntegerField()
    points_usable = serializers.IntegerField()
    amount = MinorOut(help_text="Amount that the usable points pay, in minor units.")
    price_after = MinorOut(help_text="Amount left to pay, in minor units.")
    currency = serializers.CharField(help_text="Currency of the amounts here.")
    points_earned = serializers.IntegerField(help_text="Points for the amount left to pay, by all rules.")
    earned = EarnedOut(many=True, help_text="The earned points by rule, in every point type.")
    free_shipping = serializers.BooleanField(help_text="The member's tier ships this cart for free.")
    free_shipping_from = MinorOut(
        allow_null=True,
        help_text="The cart amount from which shipping is free, in minor units. Null when the "
        "tier has no free shipping.",
    )


# Accept the values that a CharField leaves unchanged: no blanks around, no NUL inside.
Reference = Annotated[str, msgspec.Meta(max_length=200, pattern=r"^([^\s\x00]([^\x00]*[^\s\x00])?)?$")]
Points = Annotated[int, msgspec.Meta(ge=1, le=LARGEST)]


class Redeem(msgspec.Struct, forbid_unknown_fields=True):
    points: Points
    reference: Reference = ""


class HoldIn(serializers.Serializer):
    points = Whole(min_value=1, max_value=LARGEST)
    reference = serializers.CharField(
        max_length=200,
        required=False,
        default="",
        allow_blank=True,
        help_text="The order number. A refund of that order gives the points back.",
    )
    seconds = Whole(min_value=1, max_value=7 * 86400, required=False, help_text="How long the hold lasts.")


class RedeemIn(serializers.Serializer):
    quick = Redeem

    points = Whole(min_value=1, max_value=LARGEST)
    reference = serializers.CharField(max_length=200, required=False, default="", allow_blank=True)


class TransferIn(serializers.Serializer):
    to = serializers.CharField(max_length=20, help_text="The receiving member's customer number.")
    points = Whole(min_value=1, max_value=LARGEST)
    note = serializers.CharField(max_length=200, required=False, default="", allow_blank=True)


class TransferOut(serializers.Serializer):
    transfer = serializers.UUIDField()
    points = serializers.IntegerField()
    to = serializers.CharField()
    available = serializers.IntegerField(help_text="Points that the sender has left.")


class CaptureIn(serializers.Serializer):
    points = Whole(
        min_value=1,
        max_value=LARGEST,
        required=False,
        help_text="Fewer points than held release the rest. Without it, all are captured.",
    )


class HoldOut(serializers.Serializer):
    hold = serializers.UUIDField()
    state = serializers.ChoiceField(choices=["held", "captured", "released"])
    points = serializers.IntegerField()
    captured = serializers.IntegerField()
    available = serializers.IntegerField()
    held = serializers.IntegerField()
    balance = serializers.IntegerField()
    reference = serializers.CharField()
    expires_at = serializers.DateTimeField(allow_null=True)


class RedemptionBatchItemIn(serializers.Serializer):
    customer = serializers.CharField(max_length=20, help_text="The member's customer number.")
    points = Whole(min_value=1, max_value=LARGEST)
    key = serializers.CharField(max_length=200, help_text="The idempotency key of this redemption.")
    reference = serializers.CharField(max_length=200, required=False, default="", allow_blank=True)


class RedemptionBatchIn(serializers.Serializer):
    redemptions = RedemptionBatchItemIn(many=True, min_length=1, max_length=1000)


class RedemptionErrorOut(serializers.Serializer):
    code = serializers.CharField()
    detail = serializers.CharField()
    attr = serializers.CharField(allow_null=True)
    details = serializers.DictField(help_text="Figures such as the available points.")


class RedemptionResultOut(serializers.Serializer):
    key = serializers.CharField()
    status = serializers.ChoiceField(choices=["done", "refused"])
    redemption = HoldOut(allow_null=True)
    error = RedemptionErrorOut(allow_null=True)


class RedemptionBatchOut(serializers.Serializer):
    done = serializers.IntegerField()
    refused = serializers.IntegerField()
    results = RedemptionResultOut(many=True)
