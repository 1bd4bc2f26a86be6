"""Count the opportunities, and find what a campaign for one of them needs: its segment and templates that fit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import connection

from analytics.conditions.services.compilation import clean_rule, compile_rule, feature_rows
from analytics.features.registry import REACH
from campaigns.reports.registry import OPPORTUNITIES, Opportunity
from campaigns.templates.models import MessageClass, Template

# Templates beyond this number are old.
TEMPLATES = 200


@dataclass(frozen=True)
class OpportunityCount:
    """Hold one opportunity: its customers, the sum of its value, and how many each channel reaches."""

    count: int
    value: int
    reach: Mapping[str, int] = field(default_factory=dict)


def count_opportunity(opportunity: Opportunity) -> OpportunityCount:
    """Count with one pass over the feature rows."""
    rule = compile_rule(clean_rule(opportunity.rule()))
    channels = REACH.names()
    reach = ", ".join(["count(*) FILTER (WHERE %s = ANY(f.reachable))"] * len(channels))
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT count(*), coalesce(sum({opportunity.value}), 0)::bigint, {reach}"  # noqa: S608 - compiled conditions and SQL of the code; values are parameters
            f" FROM {feature_rows(rule.text)} WHERE {rule.text}",
            [*channels, *rule.params],
        )
        count, value, *reached = cursor.fetchone()
    return OpportunityCount(count, value, dict(zip(channels, reached, strict=True)))


def count_opportunities() -> dict[str, Any]:
    """Return the counts of all opportunities in a form that can be kept."""
    counts = {name: count_opportunity(one) for name, one in OPPORTUNITIES.items()}
    return {name: {"count": row.count, "value": row.value, "reach": row.reach} for name, row in counts.items()}


def marketing_templates() -> list[Template]:
    """Return the newest templates of marketing that need no values of the shop's own systems."""
    rows = Template.objects.filter(message_class=MessageClass.MARKETING, values=[])
    return list(rows.order_by("-updated_at", "-pk")[:TEMPLATES])


def fitting_template(opportunity: Opportunity, channel: str, templates: Sequence[Template]) -> Template | None:
    """Return the newest template of the channel whose name fits, else the newest one; None without any."""
    own = [template for template in templates if template.channel == channel]
    words = opportunity.template_words
    named = (row for row in own if any(word in f"{row.name} {row.code}".casefold() for word in words))
    return next(named, own[0] if own else None)
