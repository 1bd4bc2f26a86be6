"""Count the opportunities, and find what a campaign for one of them needs: its segment and templates that fit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from django.db import connection
from django.db.models import Q

from analytics.conditions.services.compilation import clean_rule, compile_rule, feature_rows
from analytics.features.registry import REACH
from campaigns.coupons.models import CodeMode, Coupon
from campaigns.reports.registry import OPPORTUNITIES, Opportunity
from campaigns.templates.models import MessageClass, Template
from campaigns.templates.services.uses import CouponPresence, Texts, problems, saved_texts
from core.base import clock

# Templates and coupons beyond this number are old.
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


@dataclass(frozen=True)
class FittingDraft:
    """Hold what a broadcast for an opportunity sends: a template, and the coupon that its texts show."""

    template: int
    coupon: int | None = None


class Drafts:
    """Find drafts for opportunities. It reads templates and coupons once, for any number of questions."""

    def __init__(self) -> None:
        rows = Template.objects.filter(message_class=MessageClass.MARKETING, values=[])
        self.templates = list(rows.order_by("-updated_at", "-pk")[:TEMPLATES])
        offered = Coupon.objects.filter(mode=CodeMode.UNIQUE, active=True)
        lasting = offered.filter(Q(ends_at=None) | Q(ends_at__gt=clock.now()))
        self.coupons = list(lasting.order_by("-created_at", "-pk")[:TEMPLATES])
        self._texts: dict[int, Texts] = {}

    def fitting(self, opportunity: Opportunity, channel: str) -> FittingDraft | None:
        """Return the newest template of the channel that a broadcast can send, one whose name fits before others.

        None without any.
        """

        def fits(row: Template | Coupon) -> bool:
            text = f"{row.name} {getattr(row, 'code', '')}".casefold()
            return any(word in text for word in opportunity.template_words)

        own = [template for template in self.templates if template.channel == channel]
        coupon = next(filter(fits, self.coupons), self.coupons[0] if self.coupons else None)
        for template in sorted(own, key=lambda row: not fits(row)):
            texts = self._texts_of(template)
            if next(problems(texts, given=CouponPresence.NO), None) is None:
                return FittingDraft(template.pk)
            if coupon and next(problems(texts, given=CouponPresence.YES), None) is None:
                return FittingDraft(template.pk, coupon.pk)
        return None

    def _texts_of(self, template: Template) -> Texts:
        if template.pk not in self._texts:
            self._texts[template.pk] = saved_texts(template)
        return self._texts[template.pk]


def count_opportunities() -> dict[str, Any]:
    """Return the counts of all opportunities, with a draft for each channel that reaches someone, as they are kept."""
    drafts = Drafts()
    result = {}
    for name, one in OPPORTUNITIES.items():
        row = count_opportunity(one)
        found = {channel: drafts.fitting(one, channel) for channel, reached in row.reach.items() if reached}
        result[name] = {
            "count": row.count,
            "value": row.value,
            "reach": row.reach,
            "drafts": {channel: asdict(draft) for channel, draft in found.items() if draft},
        }
    return result
