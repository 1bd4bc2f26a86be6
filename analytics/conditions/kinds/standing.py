"""Conditions on tier progress: the share of the next tier's threshold, and members below their own threshold."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.utils.translation import gettext_lazy as _

from analytics.conditions.kinds.loyalty import GROUP
from analytics.conditions.registry import CONDITIONS, YES_NO, SegmentCondition, Sql
from core.fields import Field

# `qualifying` is the counter that tiers follow, as of the last evaluation.
_NEXT = """SELECT m.customer_id FROM loyalty_member m
    JOIN loyalty_program p ON p.id = m.program_id AND p.is_default
    LEFT JOIN loyalty_tier own ON own.id = m.tier_id
    CROSS JOIN LATERAL (SELECT t.threshold FROM loyalty_tier t WHERE t.program_id = m.program_id
                        AND t.rank > coalesce(own.rank, 0) ORDER BY t.rank LIMIT 1) AS following
    WHERE m.state = 'active' AND following.threshold > 0 AND m.qualifying * 100 / following.threshold"""
_SHORT = """SELECT m.customer_id FROM loyalty_member m
    JOIN loyalty_program p ON p.id = m.program_id AND p.is_default JOIN loyalty_tier own ON own.id = m.tier_id
    WHERE m.state = 'active' AND m.qualifying < own.threshold"""
_SHARE = """(SELECT m.qualifying * 100 / following.threshold FROM loyalty_member m
    JOIN loyalty_program p ON p.id = m.program_id AND p.is_default
    LEFT JOIN loyalty_tier own ON own.id = m.tier_id
    CROSS JOIN LATERAL (SELECT t.threshold FROM loyalty_tier t WHERE t.program_id = m.program_id
                        AND t.rank > coalesce(own.rank, 0) ORDER BY t.rank LIMIT 1) AS following
    WHERE m.customer_id = f.customer_id AND following.threshold > 0)"""
OPERATORS = {"gte": _("is at least"), "lte": _("is at most")}


def _inputs(_operator: str) -> Sequence[Field]:
    return [Field("value", "number", _("percent"), default=80)]


def _near(operator: str, values: dict[str, Any]) -> Sql:
    return Sql(f"(f.customer_id IN ({_NEXT} {'>=' if operator == 'gte' else '<='} %s))", (values["value"],))


def _short(operator: str, _values: dict[str, Any]) -> Sql:
    return Sql(f"({'' if operator == 'yes' else 'NOT '}f.customer_id IN ({_SHORT}))")


def register() -> None:
    for condition in (
        SegmentCondition(
            "next_tier_share", _("Progress to the next tier (%)"), GROUP, dict(OPERATORS), _inputs, _near, _SHARE,
            time_based=True,
        ),
        SegmentCondition(
            "tier_short", _("Below the threshold of the current tier"), GROUP, dict(YES_NO), lambda _operator: [],
            _short, f"(f.customer_id IN ({_SHORT}))", time_based=True,
        ),
    ):  # fmt: skip
        CONDITIONS.register(condition.name, condition)
