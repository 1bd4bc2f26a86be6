"""Shapes of the earning rules."""

from __future__ import annotations

from rest_framework import serializers

from loyalty.models import Stacking


class PointTypeOut(serializers.Serializer):
    code = serializers.CharField()
    name = serializers.CharField()
    spendable = serializers.BooleanField()


class LimitOut(serializers.Serializer):
    period = serializers.ChoiceField(choices=["day", "week", "month", "year", "ever"])
    points = serializers.IntegerField()


class EarningRuleOut(serializers.Serializer):
    code = serializers.CharField()
    name = serializers.CharField()
    text = serializers.CharField(help_text="All of it in one line, in the language asked for.")
    version = serializers.IntegerField()
    trigger = serializers.CharField(
        help_text="order, activity, rating, profile, referral, or one that the shop has added."
    )
    event_kind = serializers.CharField(allow_blank=True, help_text="For activity: which kind.")
    point_type = PointTypeOut()
    points = serializers.IntegerField()
    per_amount = serializers.IntegerField(allow_null=True, help_text="For so many minor units; null is each time.")
    currency = serializers.CharField()
    stacking = serializers.ChoiceField(choices=Stacking.values)
    factor = serializers.DecimalField(max_digits=5, decimal_places=2, help_text="Of a rule that multiplies.")
    streak_days = serializers.IntegerField(help_text="Once so many days in a row are reached; 0 is each time.")
    conditions = serializers.ListField(
        child=serializers.DictField(), help_text="All of them must hold; `kind` says what."
    )
    limits = LimitOut(many=True, help_text="Most for one member.")
    starts_at = serializers.DateTimeField(allow_null=True)
    ends_at = serializers.DateTimeField(allow_null=True)
