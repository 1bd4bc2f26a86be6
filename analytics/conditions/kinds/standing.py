"""Conditions on the standing of members: progress to the next tier, their own threshold, points that expire soon."""

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
_LOTS = """loyalty_lot l JOIN loyalty_account a ON a.id = l.account_id
    JOIN loyalty_pointtype t ON t.id = a.point_type_id AND t.spendable
    JOIN loyalty_member m ON m.id = a.member_id AND m.state = 'active'
    JOIN loyalty_program p ON p.id = m.program_id AND p.is_default
    WHERE l.open AND l.expires_at > now()"""
_EXPIRING = f"(SELECT m.customer_id FROM {_LOTS} AND l.expires_at <= now() + make_interval(days => %s))"  # noqa: S608 - constant fragments
_SOONEST = f"(SELECT min(l.expires_at) FROM {_LOTS} AND m.customer_id = f.customer_id)"  # noqa: S608 - constant fragments
NEXT_DAYS = {"within": _("within the next … days"), "not_within": _("not within the next … days")}
OPERATORS = {"gte": _("is at least"), "lte": _("is at most")}


def _inputs(_operator: str) -> Sequence[Field]:
    return [Field("value", "number", _("percent"), default=80)]


def _near(operator: str, values: dict[str, Any]) -> Sql:
    return Sql(f"(f.customer_id IN ({_NEXT} {'>=' if operator == 'gte' else '<='} %s))", (values["value"],))


def _short(operator: str, _values: dict[str, Any]) -> Sql:
    return Sql(f"({'' if operator == 'yes' else 'NOT '}f.customer_id IN ({_SHORT}))")


def expiring_points(days: int) -> str:
    """Return the SQL of the points of a feature row `f` that expire within so many days."""
    soon = f"l.expires_at <= now() + make_interval(days => {days:d})"
    return f"(SELECT coalesce(sum(l.remaining), 0) FROM {_LOTS} AND {soon} AND m.customer_id = f.customer_id)"  # noqa: S608 - constant fragments and a number


def _expiring(operator: str, values: dict[str, Any]) -> Sql:
    return Sql(f"({'NOT ' if operator == 'not_within' else ''}f.customer_id IN {_EXPIRING})", (values["days"],))


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
        SegmentCondition(
            "points_expiring", _("Points expire"), GROUP, dict(NEXT_DAYS),
            lambda _operator: [Field("days", "days", _("days"))], _expiring, _SOONEST, time_based=True,
        ),
    ):  # fmt: skip
        CONDITIONS.register(condition.name, condition)
