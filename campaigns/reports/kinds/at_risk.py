"""The opportunity of customers at risk: they bought regularly and stopped a while ago."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from analytics.conditions.rules.trees import Node, leaf_of
from campaigns.reports.registry import Opportunity
from core.text.formatting import money, number


class AtRisk(Opportunity):
    label = _("At risk")
    value = "f.spend_365"
    template_words = ("winback", "miss you", "come back", "召回", "回归", "好久不见")
    icon = "alert-triangle"

    def rule(self) -> Node:
        return {"op": "and", "children": [leaf_of("stage", "in", {"values": ["at_risk"]})]}

    def sentence(self, count: int, value: int, currency: str) -> str:
        text = ngettext(
            "%(count)s customer at risk holds %(amount)s of yearly spend",
            "%(count)s customers at risk hold %(amount)s of yearly spend",
            count,
        )
        return text % {"count": number(count), "amount": money(value, currency)}
