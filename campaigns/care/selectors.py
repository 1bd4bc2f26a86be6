"""Reads of care rules."""

from __future__ import annotations

from collections.abc import Collection

from django.db.models import Count
from django.urls import reverse

from campaigns.care.labels import RULE_STATES
from campaigns.care.models import CareRule
from campaigns.templates.models import Template
from campaigns.templates.registry import TemplateUse


def template_counts(templates: Collection[int]) -> dict[int, int]:
    """By template id: how many care rules send it."""
    rows = CareRule.objects.filter(template__in=templates).values_list("template_id").annotate(Count("pk"))
    return dict(rows.order_by())


def template_uses(template: Template) -> list[TemplateUse]:
    """Return the care rules that send this template, by name."""
    return [
        TemplateUse(rule.name, reverse("care_rule", args=[rule.pk]), rule.state, RULE_STATES[rule.state])
        for rule in template.care_rules.order_by("name")
    ]


def coupons_of(rules: Collection[int]) -> dict[int, int]:
    """By the id of a care rule: the id of the coupon whose code its messages bring."""
    return dict(CareRule.objects.filter(pk__in=rules, coupon__isnull=False).values_list("pk", "coupon"))
