"""Format the figures of campaigns: the same columns in every list, on every page, and in the comparison."""

from __future__ import annotations

from collections.abc import Sequence

from django.urls import reverse
from django.utils.functional import Promise
from django.utils.http import urlencode
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from campaigns.experiments.console.effects import difference_of
from campaigns.experiments.models import ExperimentMetric
from campaigns.experiments.rules import FEWEST, ExperimentEffect
from campaigns.reports.selectors.campaigns import Campaign
from campaigns.reports.selectors.coupons import CouponFigures
from campaigns.reports.selectors.figures import CampaignEffect, MessageFigures, Revenue
from core.console.list_columns import Cell
from core.text.formatting import money, number, percent

NONE = "–"
HEADS: Sequence[str | Promise] = (
    pgettext_lazy("count", "Sent"),
    _("Open rate"),
    _("Click rate"),
    _("Orders"),
    _("Net revenue"),
    _("Effect on orders"),
)


def listed(campaign: Campaign, **query: str) -> str:
    """Return the address of the campaign's messages with these filters; "" for a coupon, which has no messages."""
    if campaign.is_coupon:
        return ""
    values = {"campaign": campaign.origin, "days": "all", **query}
    if query.get("reaction") == "ordered":
        values["window"] = str(campaign.days)
    return f"{reverse('messages')}?{urlencode(values)}"


def part_of(part: int, whole: int) -> str:
    """Describe the parts of a rate: "12 of 400"."""
    return _t("%(part)s of %(total)s") % {"part": number(part), "total": number(whole)}


def rate(value: float | None, digits: int = 1) -> str:
    return NONE if value is None else percent(value, digits)


def reaction_cell(
    campaign: Campaign, reaction: str, part: int, whole: int, value: float | None, digits: int = 1
) -> Cell:
    """Return a rate with its parts, which opens the messages with this reaction."""
    url = listed(campaign, reaction=reaction) if part else ""
    return Cell(rate(value, digits), part_of(part, whole) if whole else "", url)


def amounts(revenue: Sequence[Revenue], currency: str) -> str:
    """Format net amounts, the currency with most orders first; none is 0 of the shop's currency."""
    return " · ".join(money(row.net, row.currency) for row in revenue) or money(0, currency)


def cells_of(campaign: Campaign, figures: MessageFigures | CouponFigures, currency: str) -> list[Cell]:
    """Return the cells of HEADS."""
    sent = figures.sent
    effect = figures.effect if isinstance(figures, MessageFigures) else None
    if not sent and not figures.orders and effect is None:
        return [Cell(number(0)), *[Cell(NONE)] * (len(HEADS) - 1)]
    return [
        Cell(number(sent), url=listed(campaign, state="sent")),
        reaction_cell(campaign, "opened", figures.opened, figures.trackable, figures.open_rate),
        reaction_cell(campaign, "clicked", figures.clicked, figures.trackable, figures.click_rate),
        Cell(number(figures.orders), url=listed(campaign, reaction="ordered") if figures.orders else ""),
        Cell(amounts(figures.revenue, currency)),
        effect_cell(effect),
    ]


def effect_cell(effect: CampaignEffect | None) -> Cell:
    """Return the difference of the share of customers who ordered, with its interval."""
    if effect is None:
        return Cell(NONE)
    if effect.ordered is None:
        return Cell(
            _t("too early"), _t("smaller group: %(count)s of %(least)s") % {
                "count": number(min(effect.counted, effect.held_out)), "least": number(FEWEST),
            },
        )  # fmt: skip
    return difference_cell(effect.ordered, ExperimentMetric.ORDERED, effect.currency)


def difference_cell(effect: ExperimentEffect, metric: str, currency: str) -> Cell:
    """Return a difference with its interval, in colour when the interval excludes 0."""
    few = effect.few and not effect.sure
    text = _t("too few to conclude") if few else difference_of(currency, metric, effect.difference)
    if effect.low is None or effect.high is None:
        return Cell(text)
    interval = _t("%(low)s to %(high)s") % {
        "low": difference_of(currency, metric, effect.low, unit=False),
        "high": difference_of(currency, metric, effect.high, unit=False),
    }
    if not effect.sure:
        return Cell(text, interval)
    return Cell(text, interval, tone="good" if effect.difference > 0 else "bad")
