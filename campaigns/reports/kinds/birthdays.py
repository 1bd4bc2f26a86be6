"""The opportunity of birthdays in the coming week."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from analytics.conditions.rules.trees import Node, leaf_of
from campaigns.reports.registry import Opportunity
from core.text.formatting import number

DAYS = 7


class Birthdays(Opportunity):
    label = _("Birthday in the next 7 days")
    template_words = ("birthday", "生日")
    icon = "gift"

    def rule(self) -> Node:
        return {"op": "and", "children": [leaf_of("birthday", "has", {"days": DAYS})]}

    def sentence(self, count: int, value: int, currency: str) -> str:
        text = ngettext(
            "%(count)s customer has a birthday in the next %(days)s days",
            "%(count)s customers have a birthday in the next %(days)s days",
            count,
        )
        return text % {"count": number(count), "days": DAYS}
