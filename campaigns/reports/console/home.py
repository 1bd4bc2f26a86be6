"""Panels of the marketer's home page: what marketing caused, what runs now, opportunities, the next days, drafts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from analytics.segments.models import Segment
from analytics.segments.services.segments import segments_by_rule
from campaigns.broadcasts.models import Broadcast, BroadcastState
from campaigns.calendar.rules import lunar
from campaigns.care.models import CareRule, CareState
from campaigns.channels.labels import channel_label
from campaigns.experiments.console.effects import MINUS
from campaigns.journeys.models import Journey, JourneyState
from campaigns.reports.console.calendar import days_between
from campaigns.reports.console.cells import listed
from campaigns.reports.labels import KINDS
from campaigns.reports.registry import OPPORTUNITIES, Opportunity
from campaigns.reports.selectors.campaigns import Campaign
from campaigns.reports.selectors.caused import caused_and_clicked, orders_after_click
from campaigns.reports.selectors.opportunities import FittingDraft, count_opportunities
from campaigns.reports.selectors.running import running_campaigns
from core.base import clock
from core.base.zones import shop_day
from core.console import home, kept
from core.console.charts import Chart, Series
from core.console.views import may
from core.lists.declaration import Filter
from core.text.currencies import to_major
from core.text.formatting import day, money, month, number
from crm.customers.selectors import shop_currency
from crm.orders.console.listing import FILTERS as ORDER_FILTERS
from crm.orders.console.listing import revenue_since

ORDER_FILTERS.register(
    "after_click",
    Filter(
        "after_click",
        _("Messages"),
        lambda _request: [("yes", _("After a click in a message"))],
        lambda _request, orders, value: orders_after_click(orders) if value == "yes" else orders,
        "campaigns.view_message",
        quiet=True,
    ),
)
CAUSED, RUNNING, CHANCES = "campaigns.caused", "campaigns.running", "campaigns.opportunities"
kept.FIGURES.register(CAUSED, caused_and_clicked)
kept.FIGURES.register(RUNNING, running_campaigns)
kept.FIGURES.register(CHANCES, count_opportunities)
AHEAD_DAYS = 14
DRAFTS = 6
# The share held out of a campaign that begins with an opportunity, so that its effect can be measured.
HOLDOUT_PERCENT = 10
STATES: Mapping[str, Any] = {"broadcast": BroadcastState, "journey": JourneyState, "care": CareState}


@dataclass(frozen=True)
class Estimate:
    """An estimate in words: amount, interval, and the tone when it is certain."""

    amount: str
    interval: str = ""
    tone: str = ""


@dataclass(frozen=True)
class JourneyEstimate:
    """A journey with a holdout. `own` is what it caused, or None when it is too early to tell."""

    name: str
    url: str
    own: Estimate | None


def signed_money(amount: int, currency: str) -> str:
    sign = "+" if amount > 0 else MINUS if amount < 0 else ""
    return sign + money(abs(amount), currency)


def estimate_of(row: Mapping[str, Any], currency: str) -> Estimate | None:
    """Return the estimate of a kept row; None while too few customers are counted."""
    if row.get("caused") is None:
        return None
    amount = signed_money(row["caused"], currency)
    if row.get("low") is None or row.get("high") is None:
        return Estimate(amount, _t("too few to conclude"))
    ends = {"low": signed_money(row["low"], currency), "high": signed_money(row["high"], currency)}
    tone = ("good" if row["caused"] > 0 else "bad") if row.get("sure") else ""
    return Estimate(amount, _t("95%% sure: %(low)s to %(high)s") % ends, tone)


@home.panel(
    "caused",
    home="marketer",
    title=_("What marketing caused this month"),
    permission="campaigns.view_experiment",
    template="campaigns/reports/home_caused.html",
    order=10,
    wide=True,
)
def caused(request: HttpRequest) -> dict[str, Any]:
    figures = kept.of(request).get(CAUSED)
    if figures is None:
        return {"figures": None}
    currency, rows = figures["currency"], figures["months"]
    this = rows[-1]
    holdout = figures["holdout"]
    after_click = {**revenue_since(date.fromisoformat(this["month"]), currency), "after_click": "yes"}
    return {
        "figures": figures,
        "estimate": estimate_of(this, currency),
        "customers": this.get("customers", 0),
        "held_out": this.get("held_out", 0),
        "holdout_url": reverse("experiment", args=[holdout]) if holdout else "",
        "experiments_url": reverse("experiments"),
        "clicked": money(this["clicked"], currency),
        "clicked_orders": this["orders"],
        "clicked_url": f"{reverse('orders')}?{urlencode(after_click)}",
        "journeys": [
            JourneyEstimate(row["name"], reverse("journey", args=[row["id"]]), estimate_of(row, currency))
            for row in figures["journeys"]
        ],
        "chart": _chart(rows, currency),
        "counted_at": kept.of(request).counted_at(CAUSED),
    }


def _chart(rows: Sequence[Mapping[str, Any]], currency: str) -> Chart:
    def major(name: str) -> list[float]:
        return [float(to_major(row.get(name) or 0, currency)) for row in rows]

    return Chart(
        "caused-and-clicked",
        _t("Caused and clicked by month (%(currency)s)") % {"currency": currency},
        _t("Month"),
        [month(date.fromisoformat(row["month"])) for row in rows],
        [
            Series(_t("Caused, by the holdout"), major("caused")),
            Series(_t("After a click"), major("clicked")),
        ],
    )


@dataclass(frozen=True)
class FunnelStep:
    """One step of a campaign's funnel: its number, its part of those sent in percent, and the messages behind it."""

    label: str
    count: int
    percent: int
    url: str


@dataclass(frozen=True)
class RunningRow:
    name: str
    url: str
    kind: str
    state: str
    label: str
    steps: list[FunnelStep]


@home.panel(
    "running",
    home="marketer",
    title=_("Running campaigns"),
    permission="campaigns.view_broadcast",
    template="campaigns/reports/home_running.html",
    order=30,
    wide=True,
)
def running(request: HttpRequest) -> dict[str, Any]:
    rows = kept.of(request).get(RUNNING)
    return {
        "rows": None if rows is None else [_running(row) for row in rows],
        "compare_url": reverse("campaign_compare"),
    }


def _running(row: Mapping[str, Any]) -> RunningRow:
    prefix, _colon, pk = row["origin"].partition(":")
    kind = KINDS[prefix]
    campaign = Campaign(row["origin"], row["name"], kind.label, reverse(kind.route, args=[pk]), row["days"])
    sent = row["sent"]
    steps = [
        FunnelStep(
            str(label), row[name], round(100 * row[name] / sent) if sent else 0,
            listed(campaign, **({"state": "sent"} if name == "sent" else {"reaction": name})) if row[name] else "",
        )
        for name, label in STEPS
    ]  # fmt: skip
    state = row["state"]
    return RunningRow(row["name"], campaign.url, str(kind.label), state, str(STATES[prefix](state).label), steps)


STEPS = (
    ("sent", pgettext_lazy("count", "Sent")),
    ("opened", pgettext_lazy("count", "Opened")),
    ("clicked", pgettext_lazy("count", "Clicked")),
    ("ordered", pgettext_lazy("count", "Ordered")),
)


@dataclass(frozen=True)
class DraftLink:
    """A way to start the campaign: `url` is the prefilled form, "" when the segment must be made first."""

    channel: str
    label: str
    count: int
    url: str


@dataclass(frozen=True)
class OpportunityRow:
    code: str
    icon: str
    sentence: str
    reach: str
    people_url: str
    drafts: list[DraftLink]


@home.panel(
    "opportunities",
    home="marketer",
    title=_("Opportunities"),
    permission="campaigns.add_broadcast",
    template="campaigns/reports/home_opportunities.html",
    order=20,
)
def opportunities(request: HttpRequest) -> dict[str, Any]:
    counts = kept.of(request).get(CHANCES)
    if counts is None:
        return {"rows": None}
    named = [(name, one) for name, one in OPPORTUNITIES.items() if counts.get(name, {}).get("count")]
    segments = segments_by_rule([one.rule() for _name, one in named]) if named else {}
    currency = shop_currency()
    rows = [
        _opportunity(name, one, counts[name], segments.get(place), currency) for place, (name, one) in enumerate(named)
    ]
    return {"rows": rows, "may_make": may(request.user, "analytics.add_segment")}


def _opportunity(
    name: str,
    one: Opportunity,
    counts: Mapping[str, Any],
    segment: Segment | None,
    currency: str,
) -> OpportunityRow:
    drafts, reach = [], []
    for channel, reached in sorted(counts["reach"].items(), key=lambda item: -item[1]):
        if not reached:
            continue
        reach.append(_t("%(count)s by %(channel)s") % {"count": number(reached), "channel": channel_label(channel)})
        if (found := counts.get("drafts", {}).get(channel)) is None:
            continue
        url = draft_url(one, segment, FittingDraft(**found)) if segment else ""
        drafts.append(DraftLink(channel, channel_label(channel), reached, url))
    return OpportunityRow(
        name,
        one.icon,
        one.sentence(counts["count"], counts["value"], currency),
        _t("reachable: %(ways)s") % {"ways": _t(", ").join(reach)} if reach else _t("no channel reaches them"),
        reverse("segment", args=[segment.pk]) if segment else "",
        drafts,
    )


def draft_url(one: Opportunity, segment: Segment, draft: FittingDraft) -> str:
    """Return the form of a new broadcast, filled in for an opportunity."""
    values: dict[str, str | int] = {
        "name": f"{one.label} · {day(shop_day(clock.now()))}",
        "segment": segment.pk,
        "template": draft.template,
        "holdout_percent": HOLDOUT_PERCENT,
    }
    if draft.coupon:
        values["coupon"] = draft.coupon
    return f"{reverse('broadcast_new')}?{urlencode(values)}"


@home.panel(
    "ahead",
    home="marketer",
    title=_("The next 14 days"),
    permission="campaigns.view_broadcast",
    template="campaigns/reports/home_ahead.html",
    order=40,
)
def ahead(request: HttpRequest) -> dict[str, Any]:
    today = shop_day(clock.now())
    last = today + timedelta(days=AHEAD_DAYS - 1)
    known = today.year > lunar.FIRST and last.year <= lunar.LAST
    plan = may(request.user, "campaigns.change_broadcast")
    days = days_between(today, last, plan=plan, today=today) if known else []
    return {"days": days, "calendar_url": reverse("calendar")}


@dataclass(frozen=True)
class DraftRow:
    name: str
    url: str
    kind: str
    created_at: Any


@home.panel(
    "drafts",
    home="marketer",
    title=_("Drafts"),
    permission="campaigns.view_broadcast",
    template="campaigns/reports/home_drafts.html",
    order=50,
)
def drafts(_request: HttpRequest) -> dict[str, Any]:
    rows: list[DraftRow] = []
    for prefix, model, state in (
        ("broadcast", Broadcast, BroadcastState.DRAFT),
        ("journey", Journey, JourneyState.DRAFT),
        ("care", CareRule, CareState.DRAFT),
    ):
        kind = KINDS[prefix]
        found = model.objects.filter(state=state).order_by("-created_at", "-pk")  # type: ignore[attr-defined]
        rows += [
            DraftRow(row.name, reverse(kind.route, args=[row.pk]), str(kind.label), row.created_at)
            for row in found[:DRAFTS]
        ]
    return {"rows": sorted(rows, key=lambda row: row.created_at, reverse=True)[:DRAFTS]}
