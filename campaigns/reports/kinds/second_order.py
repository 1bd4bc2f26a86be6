"""The opportunity of new buyers without a second order: the second order decides whether a customer stays."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from analytics.conditions.rules.trees import Node, leaf_of
from campaigns.reports.registry import Opportunity
from core.text.formatting import money, number

DAYS = 60


class SecondOrder(Opportunity):
    label = _("No second order yet")
    value = "f.net_spend"
    template_words = ("second", "first purchase", "thank", "首购", "复购", "感谢")
    icon = "repeat"

    def rule(self) -> Node:
        once = leaf_of("order_count", "eq", {"value": 1})
        return {"op": "and", "children": [once, leaf_of("last_order", "within", {"days": DAYS})]}

    def sentence(self, count: int, value: int, currency: str) -> str:
        text = ngettext(
            "%(count)s new buyer of the last %(days)s days has no second order yet; average first order %(amount)s",
            "%(count)s new buyers of the last %(days)s days have no second order yet; average first order %(amount)s",
            count,
        )
        average = money(round(value / count) if count else 0, currency)
        return text % {"count": number(count), "days": DAYS, "amount": average}
