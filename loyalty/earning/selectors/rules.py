"""Rules of earning."""

from __future__ import annotations

from django.db.models import OuterRef, Subquery
from django.db.models.functions import Greatest

from loyalty.earning.models import EarningRuleVersion
from loyalty.program.models import Program


def current_versions(program: Program, *, since: bool = False) -> list[EarningRuleVersion]:
    """Return the newest published version of each active rule.

    `since` adds `rule_since` to each: when the rule began, by its start or its first version.
    """
    versions = (
        EarningRuleVersion.objects.filter(rule__program=program, rule__active=True)
        .order_by("rule_id", "-version")
        .distinct("rule_id")
        .select_related("rule__point_type")
    )
    if since:
        first = EarningRuleVersion.objects.filter(rule=OuterRef("rule"), version=1).values("published_at")
        versions = versions.annotate(rule_since=Greatest("rule__starts_at", Subquery(first)))
    return list(versions)
