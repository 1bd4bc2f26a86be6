"""The opportunity of members just below a tier: a small order moves them up."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from analytics.conditions.rules.trees import Node, leaf_of
from campaigns.reports.registry import Opportunity
from core.text.formatting import number, percent

SHARE = 80


class NearTier(Opportunity):
    label = _("Close to the next tier")
    template_words = ("tier", "member", "等级", "会员")
    icon = "trophy"

    def rule(self) -> Node:
        return {"op": "and", "children": [leaf_of("next_tier_share", "gte", {"value": SHARE})]}

    def sentence(self, count: int, value: int, currency: str) -> str:
        text = ngettext(
            "%(count)s member has reached %(share)s of the next tier",
            "%(count)s members have reached %(share)s of the next tier",
            count,
        )
        return text % {"count": number(count), "share": percent(SHARE / 100)}
