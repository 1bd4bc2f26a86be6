"""Panels of orders on the home pages: revenue by day beside the days before."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from core.console import home, kept
from core.console.charts import Chart, Series
from core.text.currencies import to_major
from core.text.formatting import day, money, number, percent
from crm.orders.console.listing import revenue_since
from crm.orders.selectors.revenue import DAYS, revenue_by_day

REVENUE = "crm.revenue_by_day"
kept.FIGURES.register(REVENUE, revenue_by_day)


def change_of(now: int, before: int) -> str:
    """Describe a change: "+12% on the 30 days before"; "" without anything before."""
    if not before:
        return ""
    change = now / before - 1
    sign = "+" if change > 0 else ""
    return _t("%(change)s on the %(days)s days before") % {"change": f"{sign}{percent(change)}", "days": DAYS}


def _revenue(request: HttpRequest) -> dict[str, Any]:
    figures = kept.of(request).get(REVENUE)
    if figures is None:
        return {"chart": None}
    currency, rows = figures["currency"], figures["days"]
    before, now = rows[:DAYS], rows[DAYS:]
    net, net_before = (sum(row["net"] for row in part) for part in (now, before))
    orders, orders_before = (sum(row["orders"] for row in part) for part in (now, before))
    return {
        "net": money(net, currency),
        "net_change": change_of(net, net_before),
        "orders": number(orders),
        "orders_change": change_of(orders, orders_before),
        "average": money(round(net / orders), currency) if orders else "–",
        "orders_url": f"{reverse('orders')}?{urlencode(revenue_since(date.fromisoformat(now[0]['day']), currency))}",
        "chart": Chart(
            "revenue-by-day",
            _t("Net revenue by day (%(currency)s), dashed: the 30 days before") % {"currency": currency},
            _t("Day"),
            [day(date.fromisoformat(row["day"])) for row in now],
            [
                Series(_t("Last 30 days"), [float(to_major(row["net"], currency)) for row in now]),
                Series(_t("30 days before"), [float(to_major(row["net"], currency)) for row in before], faint=True),
            ],
            kind="line",
        ),
    }


for _home in ("analyst", "administrator"):
    home.panel(
        "revenue",
        home=_home,  # type: ignore[arg-type]
        title=_("Revenue in 30 days"),
        permission="crm.view_order",
        template="crm/orders/home_revenue.html",
        order=20 if _home == "analyst" else 40,
        wide=True,
    )(_revenue)
