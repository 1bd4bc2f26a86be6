"""Serve the results of a campaign: a part of its page that loads later, because it reads orders."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _t
from django.utils.translation import pgettext

from campaigns.broadcasts.models import Broadcast, BroadcastState
from campaigns.care.models import CareRule
from campaigns.coupons.models import Coupon
from campaigns.experiments.console import holdout_words
from campaigns.experiments.selectors.campaigns import links_of
from campaigns.experiments.selectors.holdouts import Comparison, compare
from campaigns.journeys.models import Journey
from campaigns.reports.console.cells import listed, part_of, reaction_cell
from campaigns.reports.selectors.campaigns import Campaign, campaign_of
from campaigns.reports.selectors.coupons import CouponFigures, coupon_figures
from campaigns.reports.selectors.figures import MessageFigures, count_figures, keep
from campaigns.reports.selectors.timeline import CampaignTimeline, Counts, timeline_of
from core.base import clock
from core.console.charts import Chart, Series
from core.console.list_columns import Cell
from core.console.views import may, page, wants_part
from core.db.slow_results import cached_when_slow
from core.text.formatting import day, money, number
from loyalty.ledger.selectors.balances import points_worth
from loyalty.program.models import Program

SLOW_SECONDS = 0.5
KEPT_SECONDS = 300


@page("campaigns.view_broadcast")
def of_broadcast(request: HttpRequest, pk: int) -> HttpResponse:
    return _render(request, get_object_or_404(Broadcast, pk=pk))


@page("campaigns.view_carerule")
def of_rule(request: HttpRequest, pk: int) -> HttpResponse:
    return _render(request, get_object_or_404(CareRule, pk=pk))


@page("campaigns.view_journey")
def of_journey(request: HttpRequest, pk: int) -> HttpResponse:
    """Show what the journey's messages led to. Its steps and its holdout are on the journey's own page."""
    return _render(request, get_object_or_404(Journey, pk=pk))


def _render(request: HttpRequest, row: Broadcast | CareRule | Journey) -> HttpResponse:
    campaign = campaign_of(row)
    figures, timeline, links, compared = _results(campaign, with_holdout=not isinstance(row, Journey))
    context: dict[str, Any] = {
        "campaign": row,
        "back_url": campaign.url,
        "figures": figures,
        "stats": _stats(campaign, figures),
        "costs": _costs(figures),
        "charts": charts_of(timeline) if timeline else [],
        "links": links,
        "compared": compared,
        "with_holdout": not isinstance(row, Journey),
    }
    if not isinstance(row, Journey):
        context |= holdout_words.shown(compared) if compared else {"edit_url": _edit_url(request, row)}
    return _part_or_page(request, "results", context)


def _part_or_page(request: HttpRequest, name: str, context: dict[str, Any]) -> HttpResponse:
    part = f"campaigns/reports/{name}.html"
    if wants_part(request):
        return render(request, part, context)
    return render(request, "campaigns/reports/results_page.html", {**context, "part": part})


def _edit_url(request: HttpRequest, row: Broadcast | CareRule) -> str:
    """Return the page on which a holdout can still be set; "" when it is too late or the user may not."""
    if isinstance(row, CareRule):
        return reverse("care_edit", args=[row.pk]) if may(request.user, "campaigns.change_carerule") else ""
    draft = row.state == BroadcastState.DRAFT and may(request.user, "campaigns.change_broadcast")
    return reverse("broadcast_edit", args=[row.pk]) if draft else ""


Results = tuple[MessageFigures, CampaignTimeline | None, list[tuple[str, int]], Comparison | None]


def _results(campaign: Campaign, *, with_holdout: bool) -> Results:
    """Return the results; slow ones are kept for five minutes."""

    def count() -> Results:
        figures = count_figures([campaign])[campaign.origin]
        compared = (
            compare(campaign.origin, days=campaign.days, now=clock.now(), goes_on=campaign.goes_on)
            if with_holdout
            else None
        )
        return figures, timeline_of(campaign), links_of(campaign.origin), compared

    return cached_when_slow(
        f"campaigns.result-page:{campaign.origin}:{campaign.days}:{campaign.goes_on}",
        count,
        slow=SLOW_SECONDS,
        seconds=KEPT_SECONDS,
        stored=lambda results: keep([campaign], {campaign.origin: results[0]}),
    )


def _stats(campaign: Campaign, figures: MessageFigures) -> list[tuple[str, Cell]]:
    """Return (label, cell) of the rates, each with its denominator and the messages behind it."""

    def share(
        label: str, part: int, whole: int, value: float | None, reaction: str, digits: int = 1
    ) -> tuple[str, Cell]:
        return label, reaction_cell(campaign, reaction, part, whole, value, digits)

    confirmed = (
        _t("%(count)s confirmed by the provider") % {"count": number(figures.confirmed)} if figures.confirmed else ""
    )
    rows = [
        (pgettext("count", "Sent"), Cell(number(figures.sent))),
        (_t("Delivered"), Cell(number(figures.delivered), confirmed, listed(campaign, state="sent"))),
    ]
    if figures.trackable:
        rows += [
            share(_t("Open rate"), figures.opened, figures.trackable, figures.open_rate, "opened"),
            share(_t("Click rate"), figures.clicked, figures.trackable, figures.click_rate, "clicked"),
        ]
    return [
        *rows,
        share(_t("Order rate"), figures.ordered, figures.delivered, figures.order_rate, "ordered"),
        share(_t("Bounce rate"), figures.bounced, figures.sent, figures.bounce_rate, "bounced", 2),
        share(_t("Complaint rate"), figures.complained, figures.delivered, figures.complaint_rate, "complained", 2),
        share(
            _t("Unsubscribe rate"), figures.unsubscribed, figures.delivered, figures.unsubscribe_rate, "unsubscribed", 2
        ),
    ]


@dataclass(frozen=True)
class Cost:
    """Hold an amount that a campaign gave away, as text."""

    label: str
    amount: str
    detail: str


def _costs(figures: MessageFigures) -> list[Cost]:
    """Return what the campaign gave away."""
    rows = [
        Cost(
            _t("Coupon discounts"),
            money(row.discount, row.currency),
            _t("%(count)s redeemed") % {"count": number(row.uses)},
        )
        for row in figures.coupons
    ]
    if figures.points and (program := Program.objects.default()) is not None:
        worth = money(points_worth(program, figures.points), program.currency)
        rows.append(Cost(_t("Points given"), number(figures.points), _t("worth %(amount)s") % {"amount": worth}))
    return rows


def charts_of(timeline: CampaignTimeline) -> list[Chart]:
    """Return the charts of a campaign: its first two days by hour, and all of its time by day."""
    labels = {
        "sent": _t("Sent (right axis)"),
        "opened": pgettext("count", "Opened"),
        "clicked": pgettext("count", "Clicked"),
        "ordered": _t("Orders"),
    }

    def series(counts: Counts) -> list[Series]:
        # Messages go out at once, and opens follow slowly: on one axis the opens could not be seen.
        return [
            Series(label, counts[kind], tone="off" if kind == "sent" else "", second_axis=kind == "sent")
            for kind, label in labels.items()
        ]

    charts = [
        Chart(
            code="campaign-by-hour",
            title=_t("First two days by hour"),
            axis=_t("Hour"),
            labels=[f"{hour:%m-%d %H:%M}" for hour in timeline.hours],
            series=series(timeline.hourly),
        )
    ]
    if timeline.days:
        charts.append(
            Chart(
                code="campaign-by-day",
                title=_t("By day"),
                axis=_t("Day"),
                labels=[day(one) for one in timeline.days],
                series=series(timeline.daily),
            )
        )
    return charts


@page("campaigns.view_coupon")
def of_coupon(request: HttpRequest, pk: int) -> HttpResponse:
    """Show the coupon's way from the code to the order."""
    coupon = get_object_or_404(Coupon, pk=pk)
    figures = coupon_figures([pk])[pk]
    funnel = _funnel(figures)
    context = {
        "campaign": coupon,
        "back_url": reverse("coupon", args=[pk]),
        "figures": figures,
        "funnel": funnel,
        "discount": money(figures.discount, coupon.currency),
        "charts": [
            Chart(
                code="coupon-funnel",
                title=_t("From the code to the order"),
                axis=_t("Step"),
                labels=[label for label, _cell in funnel],
                series=[Series(_t("Codes"), _counts(figures))],
            )
        ]
        if figures.issued or figures.uses
        else [],
    }
    return _part_or_page(request, "coupon_results", context)


def _counts(figures: CouponFigures) -> list[int]:
    return [figures.issued, figures.opened, figures.codes_used, figures.orders]


def _funnel(figures: CouponFigures) -> list[tuple[str, Cell]]:
    """Return (label, cell) of each step; a share is of the codes that the step could count."""
    return [
        (_t("Issued"), Cell(number(figures.issued), _t("codes of customers"))),
        (
            _t("Seen"),
            Cell(
                number(figures.opened),
                part_of(figures.opened, figures.trackable) if figures.trackable else _t("no message reports opens"),
            ),
        ),
        (
            _t("Used"),
            Cell(number(figures.codes_used), part_of(figures.codes_used, figures.issued) if figures.issued else ""),
        ),
        (_t("Orders"), Cell(number(figures.orders))),
    ]
