"""Panel of members on the marketer's home page: their revenue and repeat rate beside the days before."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from core.console import home, kept
from core.text.formatting import money, number, percent
from loyalty.members.selectors import PERIOD_DAYS, members_periods

MEMBERS = "loyalty.members_periods"
kept.FIGURES.register(MEMBERS, members_periods)


def repeat_rate(row: dict[str, int]) -> float | None:
    return row["repeat"] / row["buyers"] if row["buyers"] else None


@home.panel(
    "members",
    home="marketer",
    title=_("Members in 30 days"),
    permission="loyalty.view_loyalty",
    template="loyalty/members/home_members.html",
    order=25,
)
def members(request: HttpRequest) -> dict[str, Any]:
    figures = kept.of(request).get(MEMBERS)
    if figures is None:
        return {"rows": None}
    now, before, currency = figures["now"], figures["before"], figures["currency"]
    rate, rate_before = repeat_rate(now), repeat_rate(before)
    orders, customers = f"{reverse('orders')}?members=bought", reverse("customers")
    once, again = (f"{customers}?bought_as_member={how}" for how in ("once", "again"))
    return {
        "rows": [
            home.Card(_t("Net revenue"), money(now["net"], currency), orders, _before(money(before["net"], currency))),
            home.Card(_t("Orders"), number(now["orders"]), orders, _before(number(before["orders"]))),
            home.Card(_t("Members who bought"), number(now["buyers"]), once, _before(number(before["buyers"]))),
            home.Card(
                _t("Repeat rate"),
                "–" if rate is None else percent(rate, 1),
                again,
                _before("–" if rate_before is None else percent(rate_before, 1)),
            ),
        ],
    }


def _before(value: str) -> str:
    return _t("%(value)s in the %(days)s days before") % {"value": value, "days": PERIOD_DAYS}
