"""Shapes of the membership and points endpoints."""

from __future__ import annotations

from typing import Annotated

import msgspec
from rest_framework import serializers

from crm.customers.api.serializers import MinorOut, Whole

LARGEST = 2**53


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
