"""Conditions on the membership: tier and points."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _

from analytics.conditions.registry import CHOICE_OPERATORS, CONDITIONS, SegmentCondition, Sql, flag, number
from core.fields import Choices, Field
from loyalty.program.models import Program
from loyalty.tiers.models import Tier

GROUP = _("Membership")


def _tiers() -> Choices:
    program = Program.objects.default()
    tiers = Tier.objects.filter(program=program).order_by("rank") if program else []
    return [("0", _("No tier")), *((str(tier.rank), tier.label) for tier in tiers)]


def _tier(operator: str, values: dict[str, Any]) -> Sql:
    if operator in {"gte", "lte"}:
        return Sql(f"(f.tier_rank {'>=' if operator == 'gte' else '<='} %s)", (int(values["value"]),))
    text = "((f.tier_rank)::text = ANY(%s))"
    return Sql(text if operator == "in" else f"(NOT {text})", (values["values"],))


def _tier_inputs(operator: str) -> list[Field]:
    if operator in {"gte", "lte"}:
        return [Field("value", "choice", _("tier"), choices=_tiers)]
    return [Field("values", "choices", _("values"), choices=_tiers)]


def register() -> None:
    for condition in (
        flag("is_member", _("Is a member"), GROUP, "f.is_member"),
        SegmentCondition(
            "tier",
            _("Tier"),
            GROUP,
            {"gte": _("is at least"), "lte": _("is at most"), **CHOICE_OPERATORS},
            _tier_inputs,
            _tier,
            "(f.tier_rank)::text",
            query={
                "gte": "tier >= {value}",
                "lte": "tier <= {value}",
                "in": ("tier in {values}", "tier = {values}", "tier is {values}"),
                "not_in": ("tier not in {values}", "tier != {values}", "tier is not {values}"),
            },
        ),
        number("tier_rank", _("Tier rank"), GROUP, "f.tier_rank"),
        number("points_available", _("Points available"), GROUP, "f.points_available"),
    ):
        CONDITIONS.register(condition.name, condition)
