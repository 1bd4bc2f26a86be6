"""Earning rules as a storefront shows them."""

from __future__ import annotations

from typing import Any

from django.db.models import Q
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from core.api.pagination import KeysetPagination
from core.api.views import ApiViewSet
from core.base import clock
from loyalty.earning.api import member_shapes as members
from loyalty.earning.api import serializers as earning_serializers
from loyalty.earning.labels import version_words
from loyalty.earning.models import EarningRule, EarningRuleVersion
from loyalty.earning.selectors import rules as earning_rules
from loyalty.program import selectors
from loyalty.program.models import Program


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
    member_shapes = {"list": members.EarningRule}
    pagination_class = RulePages
    serializer_class = earning_serializers.EarningRuleOut
    queryset = EarningRule.objects.none()
    filter_backends = []

    @extend_schema(operation_id="earning_rules", responses=earning_serializers.EarningRuleOut(many=True))
    def list(self, request: Request) -> Response:
        """List the rules that earn points now or soon, such as "2 points per ¥1.00 · on Coffee".

        Rules for a segment are left out.
        """
        program = selectors.default_program()
        versions = {
            version.rule_id: version
            for version in earning_rules.current_versions(program)
            if all(one["kind"] != "segment" for one in version.conditions)
        }
        rules = EarningRule.objects.filter(pk__in=versions).filter(Q(ends_at=None) | Q(ends_at__gt=clock.now()))
        page = self.paginate_queryset(rules.select_related("point_type")) or []
        bodies = [rule_body(program, rule, versions[rule.pk]) for rule in page]
        return self.get_paginated_response(
            self.shape(request, earning_serializers.EarningRuleOut)(bodies, many=True).data
        )
