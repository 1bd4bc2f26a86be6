"""Serve the page on deliverability: how messages arrive by channel and domain of the recipient."""

from __future__ import annotations

from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _t
from django.utils.translation import ngettext

from campaigns.channels.labels import channel_label
from campaigns.channels.registry import CHANNELS
from campaigns.messages.selectors import deliverability as selectors
from campaigns.messages.selectors.deliverability import DomainDelivery
from core.console.charts import Chart, Series
from core.console.views import page
from core.text.formatting import day, percent

DAYS = ("7", "30", "90")


@dataclass(frozen=True)
class DomainRow:
    delivery: DomainDelivery
    channel: str
    bounce_rate: str
    complaint_rate: str


@page("campaigns.view_domainday")
def index(request: HttpRequest) -> HttpResponse:
    days, channel = request.GET.get("days", ""), request.GET.get("channel", "")
    days = days if days in DAYS else "30"
    channel = channel if channel in CHANNELS.names() else ""
    domain = request.GET.get("domain", "").replace("\x00", "").strip().lower()[:255]
    rows = selectors.by_domain(int(days), channel)
    refusing = request.GET.get("refusing") == "yes"
    if refusing:
        rows = [row for row in rows if row.domain and row.bounces_much]
    context = {
        "rows": [
            DomainRow(row, channel_label(row.channel), _rate(row.bounce_rate), _rate(row.complaint_rate))
            for row in rows
        ],
        "warnings": [row for row in rows if row.bounces_much or row.complains_much],
        "most_bounces": percent(selectors.MOST_BOUNCES),
        "most_complaints": percent(selectors.MOST_COMPLAINTS, 1),
        "fewest": selectors.FEWEST,
        "charts": _charts(selectors.by_day(int(days), channel, domain)),
        "days": days,
        "refusing": refusing,
        "channel": channel,
        "domain": domain,
        "periods": [
            (value, ngettext("Last %(days)s day", "Last %(days)s days", int(value)) % {"days": value}) for value in DAYS
        ],
        "channels": [(name, channel_label(name)) for name in CHANNELS.names()],
    }
    return render(request, "campaigns/messages/deliverability.html", context)


def _rate(value: float) -> str:
    return percent(value, 2)


def _charts(days: list[tuple]) -> list[Chart]:
    labels = [day(moment) for moment, _row in days]
    rows = [row for _moment, row in days]
    return [
        Chart(
            code="deliverability-sent",
            title=_t("Messages by day"),
            axis=_t("Day"),
            labels=labels,
            series=[
                Series(_t("Sent"), [row.sent for row in rows]),
                Series(_t("Confirmed by the provider"), [row.delivered for row in rows], tone="good"),
            ],
        ),
        Chart(
            code="deliverability-problems",
            title=_t("Bounces and complaints by day"),
            axis=_t("Day"),
            labels=labels,
            series=[
                Series(_t("Bounced"), [row.bounced for row in rows], tone="warn"),
                Series(_t("Complained"), [row.complained for row in rows], tone="bad"),
            ],
        ),
    ]
