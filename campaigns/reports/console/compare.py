"""Serve the comparison of campaigns of any kind: choose them, then chart, table and CSV."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.functional import Promise
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from campaigns.reports.console.cells import (
    NONE,
    amounts,
    difference_cell,
    effect_cell,
    listed,
    part_of,
    reaction_cell,
)
from campaigns.reports.console.columns import results_of
from campaigns.reports.labels import KINDS, TRANSACTIONAL, newest
from campaigns.reports.selectors.campaigns import Campaign, campaigns_of
from campaigns.reports.selectors.coupons import CouponFigures
from campaigns.reports.selectors.figures import MessageFigures
from core.base import clock
from core.console.charts import Chart, Series
from core.console.list_columns import Cell
from core.console.views import may, page
from core.text.currencies import to_major
from core.text.formatting import local, money, number
from core.text.spreadsheets import BYTE_ORDER_MARK, csv_line
from crm.customers.selectors import shop_currency

LEAST, MOST = 2, 10
OFFERED = 30
CHARTED_NAME = 24
HEADS: tuple[str | Promise, ...] = (
    pgettext_lazy("count", "Sent"),
    _("Delivered"),
    _("Open rate"),
    _("Click rate"),
    _("Customers who ordered"),
    _("Orders"),
    _("Net revenue"),
    _("Coupon discounts"),
    _("Bounce rate"),
    _("Complaint rate"),
    _("Unsubscribe rate"),
    _("Effect on orders"),
    _("Effect on revenue per customer"),
)


@dataclass(frozen=True)
class ComparedRow:
    campaign: Campaign
    figures: MessageFigures | CouponFigures
    cells: list[Cell] = field(default_factory=list)


def _prefixes(request: HttpRequest) -> list[str]:
    return [prefix for prefix, kind in KINDS.items() if may(request.user, kind.permission)]


def _chosen(request: HttpRequest) -> list[Campaign]:
    """Return the campaigns in the address that exist and that the user may see; at most MOST."""
    origins = [origin.replace("\x00", "")[:40] for origin in request.GET.getlist("of")]
    return campaigns_of(origins[: MOST * 5], _prefixes(request))[:MOST]


@page("campaigns.view_broadcast")
def index(request: HttpRequest) -> HttpResponse:
    chosen = _chosen(request)
    currency = shop_currency()
    figures = results_of(chosen) if len(chosen) >= LEAST else {}
    rows = [
        ComparedRow(campaign, figures[campaign.origin], _cells(campaign, figures[campaign.origin], currency))
        for campaign in chosen
        if figures
    ]
    context = {
        "rows": rows,
        "figures": [(head, [(row.campaign, row.cells[place]) for row in rows]) for place, head in enumerate(HEADS)],
        "charts": _charts(rows, currency) if rows else [],
        "offered": _offered(request, chosen),
        "chosen": {campaign.origin for campaign in chosen},
        "too_few": bool(request.GET.getlist("of")) and len(chosen) < LEAST,
        "too_many": len(set(request.GET.getlist("of"))) > MOST,
        "least": LEAST,
        "most": MOST,
    }
    return render(request, "campaigns/reports/compare.html", context)


def _offered(request: HttpRequest, chosen: list[Campaign]) -> list[tuple[str | Promise, list[tuple[str, str]]]]:
    """Return the newest campaigns of each kind as (origin, name), the chosen ones first."""
    groups = []
    for prefix in _prefixes(request):
        kind = KINDS[prefix]
        mine = [(campaign.origin, campaign.name) for campaign in chosen if campaign.origin.startswith(f"{prefix}:")]
        others = newest(kind, OFFERED)
        groups.append((kind.label, [*mine, *(item for item in others if item not in mine)]))
    groups.append((_t("Transactional"), [(origin, str(label)) for origin, label in TRANSACTIONAL.items()]))
    return [(label, items) for label, items in groups if items]


def _cells(campaign: Campaign, figures: MessageFigures | CouponFigures, currency: str) -> list[Cell]:
    def share(value: float | None, part: int, whole: int, reaction: str, digits: int = 1) -> Cell:
        return reaction_cell(campaign, reaction, part, whole, value, digits)

    sent = Cell(number(figures.sent))
    opened = share(figures.open_rate, figures.opened, figures.trackable, "opened")
    clicked = share(figures.click_rate, figures.clicked, figures.trackable, "clicked")
    orders, revenue = Cell(number(figures.orders)), Cell(amounts(figures.revenue, currency))
    none = Cell(NONE)
    if isinstance(figures, CouponFigures):
        cost = Cell(
            money(figures.discount, figures.currency or currency),
            part_of(figures.codes_used, figures.issued) if figures.issued else "",
        )
        customers = Cell(number(sum(row.customers for row in figures.revenue)))
        return [sent, none, opened, clicked, customers, orders, revenue, cost, none, none, none, none, none]
    effect = figures.effect
    return [
        sent,
        Cell(number(figures.delivered), url=listed(campaign, state="sent") if figures.delivered else ""),
        opened,
        clicked,
        share(figures.order_rate, figures.ordered, figures.delivered, "ordered"),
        orders,
        revenue,
        Cell(" · ".join(money(row.discount, row.currency) for row in figures.coupons) or NONE),
        share(figures.bounce_rate, figures.bounced, figures.sent, "bounced", 2),
        share(figures.complaint_rate, figures.complained, figures.delivered, "complained", 2),
        share(figures.unsubscribe_rate, figures.unsubscribed, figures.delivered, "unsubscribed", 2),
        effect_cell(effect),
        difference_cell(effect.revenue, "revenue", effect.currency) if effect and effect.revenue else none,
    ]


def _charts(rows: list[ComparedRow], currency: str) -> list[Chart]:
    labels = [_short(row.campaign.name) for row in rows]

    def shares(values: list[float | None]) -> list[float]:
        return [round(100 * (value or 0), 2) for value in values]

    series = [
        Series(_t("Open rate (%)"), shares([row.figures.open_rate for row in rows])),
        Series(_t("Click rate (%)"), shares([row.figures.click_rate for row in rows])),
        Series(
            _t("Order rate (%)"),
            shares([row.figures.order_rate if isinstance(row.figures, MessageFigures) else None for row in rows]),
        ),
    ]
    net = [_major(row.figures.net(currency), currency) for row in rows]
    return [
        Chart("campaign-rates", _t("Rates"), _t("Campaign"), labels, series),
        Chart(
            "campaign-revenue",
            _t("Net revenue (%(currency)s)") % {"currency": currency},
            _t("Campaign"),
            labels,
            [Series(_t("Net revenue"), net, tone="good")],
        ),
    ]


def _short(name: str) -> str:
    return name if len(name) <= CHARTED_NAME else f"{name[: CHARTED_NAME - 1]}…"


@page("campaigns.view_broadcast")
def export(request: HttpRequest) -> HttpResponse:
    """Return the figures of the chosen campaigns as CSV: plain numbers, amounts in units of the currency."""
    chosen = _chosen(request)
    figures = results_of(chosen)
    lines = [BYTE_ORDER_MARK, csv_line([_t("Campaign"), _t("Kind"), *map(str, CSV_HEADS)])]
    lines += [_line(campaign, figures[campaign.origin]) for campaign in chosen]
    response = HttpResponse("".join(lines), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="campaigns-{local(clock.now()):%Y%m%d}.csv"'
    return response


CSV_HEADS = (
    pgettext_lazy("count", "Sent"),
    _("Delivered"),
    _("Delivered on channels that report opens"),
    pgettext_lazy("count", "Opened"),
    pgettext_lazy("count", "Clicked"),
    _("Bounced"),
    _("Complained"),
    _("Unsubscribed"),
    _("Customers who ordered"),
    _("Orders"),
    _("Net revenue"),
    _("Currency"),
    _("Coupons redeemed"),
    _("Coupon discounts"),
    _("Points given"),
    _("Effect on orders (percentage points)"),
    _("Interval from"),
    _("Interval to"),
)


def _line(campaign: Campaign, figures: MessageFigures | CouponFigures) -> str:
    currency = figures.revenue[0].currency if figures.revenue else shop_currency()
    head: list[Any] = [campaign.name, str(campaign.kind)]
    revenue = [figures.orders, _major(figures.net(currency), currency), currency]
    if isinstance(figures, CouponFigures):
        messages = [figures.sent, "", figures.trackable, figures.opened, figures.clicked, "", "", ""]
        customers = sum(row.customers for row in figures.revenue)
        costs: list[Any] = [figures.uses, _major(figures.discount, figures.currency or currency), 0]
        return csv_line([*head, *messages, customers, *revenue, *costs, "", "", ""])
    effect = figures.effect.ordered if figures.effect else None
    return csv_line(
        [
            *head, figures.sent, figures.delivered, figures.trackable, figures.opened, figures.clicked, figures.bounced,
            figures.complained, figures.unsubscribed, figures.ordered, *revenue,
            sum(row.uses for row in figures.coupons),
            _major(sum(row.discount for row in figures.coupons if row.currency == currency), currency), figures.points,
            *([round(100 * value, 2) if value is not None else ""
               for value in (effect.difference, effect.low, effect.high)]
              if effect else ["", "", ""]),
        ]
    )  # fmt: skip


def _major(minor: int, currency: str) -> float:
    return float(to_major(minor, currency))
