"""Shapes of the earning rules."""

from __future__ import annotations

from rest_framework import serializers

from loyalty.earning.models import Stacking


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
    text = serializers.CharField(help_text="The whole rule in one line, in the requested language.")
    version = serializers.IntegerField()
    trigger = serializers.CharField(
        help_text="order, activity, rating, profile, referral, or one that the shop has added."
    )
    event_kind = serializers.CharField(allow_blank=True, help_text="For the trigger activity: the kind of event.")
    point_type = PointTypeOut()
    points = serializers.IntegerField()
    per_amount = serializers.IntegerField(
        allow_null=True, help_text="Minor units that earn the points once; null when the points are given each time."
    )
    currency = serializers.CharField()
    stacking = serializers.ChoiceField(choices=Stacking.values)
    factor = serializers.DecimalField(max_digits=5, decimal_places=2, help_text="The factor of a rule that multiplies.")
    streak_days = serializers.IntegerField(
        help_text="Days in a row that earn the points once; 0 when the points are given each time."
    )
    conditions = serializers.ListField(
        child=serializers.DictField(), help_text="All of them must hold; `kind` names the condition."
    )
    limits = LimitOut(many=True, help_text="Limits for one member.")
    starts_at = serializers.DateTimeField(allow_null=True)
    ends_at = serializers.DateTimeField(allow_null=True)
