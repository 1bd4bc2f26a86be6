"""The opportunity of points that expire within a month: a reminder brings their members back to spend them."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from analytics.conditions.kinds.standing import expiring_points
from analytics.conditions.rules.trees import Node, leaf_of
from campaigns.reports.registry import Opportunity
from core.text.formatting import money, number
from loyalty.ledger.selectors.balances import points_worth
from loyalty.program.models import Program

DAYS = 30


class ExpiringPoints(Opportunity):
    label = _("Points that expire within 30 days")
    value = expiring_points(DAYS)
    template_words = ("expir", "points", "过期", "积分")
    icon = "hourglass"

    def rule(self) -> Node:
        return {"op": "and", "children": [leaf_of("points_expiring", "within", {"days": DAYS})]}

    def sentence(self, count: int, value: int, currency: str) -> str:
        program = Program.objects.default()
        worth = money(points_worth(program, value), program.currency) if program else ""
        text = ngettext(
            "%(count)s member has %(points)s points worth %(amount)s that expire within %(days)s days",
            "%(count)s members have %(points)s points worth %(amount)s that expire within %(days)s days",
            count,
        )
        return text % {"count": number(count), "points": number(value), "amount": worth, "days": DAYS}
