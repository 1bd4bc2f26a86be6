"""What members can earn points by, as a storefront shows it."""

from __future__ import annotations

from typing import Any

from django.db.models import Q
from drf_spectacular.utils import extend_schema
from rest_framework import serializers

from core import clock
from core.api.pagination import KeysetPagination
from core.api.views import ApiViewSet
from loyalty import selectors
from loyalty.earning_words import version_words
from loyalty.models import EarningRule, EarningRuleVersion, Program, Stacking


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


class RulePages(KeysetPagination):
    ordering = ("position", "id")


def rule_body(program: Program, rule: EarningRule, version: EarningRuleVersion) -> dict[str, Any]:
    return {
        "code": rule.code,
        "name": rule.name,
        "text": version_words(version, program, shared_limits=False),
        "version": version.version,
        "trigger": rule.trigger,
        "event_kind": rule.event_kind,
        "point_type": rule.point_type,
        "points": version.points,
        "per_amount": version.per_amount,
        "currency": program.currency,
        "stacking": version.stacking,
        "factor": version.factor,
        "streak_days": version.streak_days,
        "conditions": version.conditions,
        "limits": [cap for cap in version.caps if cap["scope"] == "member"],
        "starts_at": rule.starts_at,
        "ends_at": rule.ends_at,
    }


class EarningRulesViewSet(ApiViewSet):
    scopes = {"list": "members:read"}
    member_actions = ("list",)
    pagination_class = RulePages
    serializer_class = EarningRuleOut
    queryset = EarningRule.objects.none()
    filter_backends = []

    @extend_schema(operation_id="earning_rules", responses=EarningRuleOut(many=True))
    def list(self, request):
        """What earns points now or soon: "2 points per ¥1.00 · on Coffee". Rules for a segment are not told."""
        program = selectors.default_program()
        versions = {
            version.rule_id: version
            for version in selectors.current_versions(program)
            if all(one["kind"] != "segment" for one in version.conditions)
        }
        rules = EarningRule.objects.filter(pk__in=versions).filter(Q(ends_at=None) | Q(ends_at__gt=clock.now()))
        page = self.paginate_queryset(rules.select_related("point_type")) or []
        bodies = [rule_body(program, rule, versions[rule.pk]) for rule in page]
        return self.get_paginated_response(EarningRuleOut(bodies, many=True).data)
