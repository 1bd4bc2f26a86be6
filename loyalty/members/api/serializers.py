"""Request and response bodies of the API of members."""

from __future__ import annotations

from rest_framework import serializers

from loyalty.program.models import SuspensionReason
from loyalty.tiers.api.serializers import TierOut


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
