"""Read the figures of campaigns: messages by outcome, orders inside the attribution window, costs, effect (A2, X2).

One statement counts any number of campaigns, and a second one those that hold customers out. A figure is exact at the
moment of reading, except that slow ones are kept for some minutes.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from django.core.cache import cache
from django.db import connection

from campaigns.channels.registry import CHANNELS
from campaigns.experiments.models import ExperimentMetric
from campaigns.experiments.rules import ExperimentEffect, effect_of
from campaigns.experiments.selectors.results import ORDERS, SHARES, VALUES
from campaigns.experiments.selectors.sums import WIDTH, columns_of, outcomes_of
from campaigns.journeys.selectors.results import gifts_of
from campaigns.messages.models import MessageState
from campaigns.messages.rules import GateReason
from campaigns.messages.selectors.messages import BOUNCES, COMPLAINT
from campaigns.reports.labels import KINDS
from campaigns.reports.selectors.campaigns import Campaign, campaign_of
from core.base import clock
from core.db.slow_results import many_cached_when_slow
from core.db.statements import statement
from crm.customers.selectors import shop_currency
from crm.orders.selectors.bought import order_counts

SLOW_SECONDS = 0.2
KEPT_SECONDS = 600
# The campaigns of one page of a list.
LISTED = 50
METRICS = (ExperimentMetric.ORDERED, ExperimentMetric.REVENUE)
ERROR = 0.05


@dataclass(frozen=True)
class Revenue:
    """Hold the orders of one currency: `net` is in minor units, after discounts and points, less refunds."""

    currency: str
    customers: int
    orders: int
    net: int
    clicked_orders: int = 0
    clicked_net: int = 0


@dataclass(frozen=True)
class CouponCost:
    """Hold the redeemed coupons of one currency and their discount in minor units."""

    currency: str
    uses: int
    discount: int


@dataclass(frozen=True)
class CampaignEffect:
    """Hold the difference between intended and held-out customers; None while too few customers are counted."""

    ordered: ExperimentEffect | None
    revenue: ExperimentEffect | None
    counted: int
    held_out: int
    currency: str


@dataclass
class ResultFigures:
    """Hold what the results of messages and of coupons share: reactions, and orders by currency."""

    sent: int = 0
    trackable: int = 0
    opened: int = 0
    clicked: int = 0
    revenue: list[Revenue] = field(default_factory=list)

    @property
    def orders(self) -> int:
        return sum(row.orders for row in self.revenue)

    @property
    def open_rate(self) -> float | None:
        return _share(self.opened, self.trackable)

    @property
    def click_rate(self) -> float | None:
        return _share(self.clicked, self.trackable)

    def net(self, currency: str) -> int:
        """Return the net revenue in this currency, in minor units."""
        return sum(row.net for row in self.revenue if row.currency == currency)


@dataclass(kw_only=True)
class MessageFigures(ResultFigures):
    """Hold the figures of one campaign.

    `sent`: handed to a provider. `delivered`: sent and not reported as bounced; of these a provider `confirmed` some.
    `trackable`: delivered on channels that report opens. `waiting` and `kept_back` count messages by reason; `queued`
    are those without one. `ordered` are customers.
    """

    days: int
    queued: int = 0
    sending: int = 0
    delivered: int = 0
    confirmed: int = 0
    bounced: int = 0
    complained: int = 0
    unsubscribed: int = 0
    failed: int = 0
    uncertain: int = 0
    held_out: int = 0
    ordered: int = 0
    points: int = 0
    waiting: dict[str, int] = field(default_factory=dict)
    kept_back: dict[str, int] = field(default_factory=dict)
    coupons: list[CouponCost] = field(default_factory=list)
    effect: CampaignEffect | None = None

    @property
    def order_rate(self) -> float | None:
        """Return the share of delivered messages after which the customer ordered."""
        return _share(self.ordered, self.delivered)

    @property
    def bounce_rate(self) -> float | None:
        return _share(self.bounced, self.sent)

    @property
    def complaint_rate(self) -> float | None:
        return _share(self.complained, self.delivered)

    @property
    def unsubscribe_rate(self) -> float | None:
        return _share(self.unsubscribed, self.delivered)


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def figures_of(campaigns: Sequence[Campaign]) -> dict[str, MessageFigures]:
    """Return the figures by origin, of campaigns that send messages. Slow ones are kept for ten minutes."""
    figures = many_cached_when_slow(
        {_key(campaign): campaign for campaign in campaigns},
        lambda missing: _by_campaign(missing, count_figures(missing)),
        slow=SLOW_SECONDS,
        seconds=KEPT_SECONDS,
    )
    return {campaign.origin: row for campaign, row in figures.items()}


def _by_campaign(campaigns: Sequence[Campaign], counted: dict[str, MessageFigures]) -> dict[Campaign, MessageFigures]:
    return {campaign: counted[campaign.origin] for campaign in campaigns}


def keep(campaigns: Sequence[Campaign], counted: dict[str, MessageFigures]) -> None:
    """Keep these figures, so that lists of large shops open at once."""
    cache.set_many({_key(campaign): counted[campaign.origin] for campaign in campaigns}, KEPT_SECONDS)


def keep_newest() -> int:
    """Count the newest campaigns of each kind, and keep the figures if counting is slow. Return how many are kept.

    A scheduled task calls it, so that the lists of a large shop need not count.
    """
    campaigns = [
        campaign_of(row)
        for kind in KINDS.values()
        if kind.prefix != "coupon"
        for row in kind.model.objects.order_by("-created_at")[:LISTED]
    ]
    started = time.monotonic()
    counted = count_figures(campaigns)
    if time.monotonic() - started <= SLOW_SECONDS:
        return 0
    keep(campaigns, counted)
    return len(campaigns)


def _key(campaign: Campaign) -> str:
    return f"campaigns.results:{campaign.origin}:{campaign.days}:{campaign.goes_on}"


def count_figures(campaigns: Sequence[Campaign]) -> dict[str, MessageFigures]:
    """Count the figures now."""
    result = {campaign.origin: MessageFigures(days=campaign.days) for campaign in campaigns}
    if not result:
        return result
    with connection.cursor() as cursor:
        cursor.execute(
            statement(__package__, "figures", order_counts=order_counts("o")),
            {
                "origins": [campaign.origin for campaign in campaigns],
                "days": [campaign.days for campaign in campaigns],
                **reporting_channels(),
            },
        )
        for origin, kind, label, *counts in cursor.fetchall():
            _add(result[origin], kind, label, counts)
    for figures in result.values():
        figures.revenue.sort(key=lambda row: (-row.orders, row.currency))
    journeys = {campaign.pk: campaign for campaign in campaigns if campaign.origin.startswith("journey:")}
    for pk, gifts in (gifts_of(journeys) if journeys else {}).items():
        result[journeys[pk].origin].points = gifts.points
    with_holdout = [campaign for campaign in campaigns if result[campaign.origin].held_out]
    for origin, effect in (_effects(with_holdout) if with_holdout else {}).items():
        result[origin].effect = effect
    return result


def reporting_channels() -> dict[str, list[str]]:
    """Return the SQL parameters with the channels that report opens: inboxes, and marketing in HTML."""
    return {
        "local": [channel.name for channel in CHANNELS if channel.local],
        "html": [channel.name for channel in CHANNELS if channel.html],
    }


def _add(figures: MessageFigures, kind: str, label: str, counts: list[int]) -> None:
    if kind == "state":
        state, _colon, reason = label.partition(":")
        _add_state(figures, state, reason, counts)
    elif kind == "unsubscribed":
        figures.unsubscribed = counts[0]
    elif kind == "coupon":
        figures.coupons.append(CouponCost(label, counts[0], counts[1]))
    elif label:
        figures.revenue.append(Revenue(label, *counts[:5]))
    else:
        figures.ordered = counts[0]


def _add_state(figures: MessageFigures, state: str, reason: str, counts: list[int]) -> None:
    count, trackable, confirmed, opened, clicked, _unused = counts
    if state == MessageState.SENT:
        figures.sent += count
        figures.delivered += count
        figures.trackable += trackable
        figures.confirmed += confirmed
        figures.opened += opened
        figures.clicked += clicked
        figures.complained += count if reason == COMPLAINT else 0
    elif state == MessageState.FAILED and reason in BOUNCES:
        figures.sent += count
        figures.bounced += count
    elif state == MessageState.FAILED:
        figures.failed += count
    elif state == MessageState.UNCERTAIN:
        figures.uncertain += count
    elif state == MessageState.QUEUED:
        figures.queued += count
    elif state == MessageState.SENDING:
        figures.sending += count
    else:
        by_reason = figures.waiting if state == MessageState.HELD else figures.kept_back
        by_reason[reason] = by_reason.get(reason, 0) + count
        figures.held_out += count if reason == GateReason.HOLDOUT else 0


def _effects(campaigns: Sequence[Campaign]) -> dict[str, CampaignEffect]:
    currency = shop_currency()
    sums = columns_of(VALUES[metric] for metric in METRICS)
    orders = ORDERS.format(customer="f.customer_id", since="f.since", until="f.since + make_interval(days => f.days)")
    groups: dict[str, dict[bool, list]] = defaultdict(dict)
    with connection.cursor() as cursor:
        cursor.execute(
            statement(__package__, "effects", sums=sums, orders=orders),
            {
                "origins": [campaign.origin for campaign in campaigns],
                "windows": [campaign.days for campaign in campaigns],
                "goes_on": [campaign.goes_on for campaign in campaigns],
                "currency": currency,
                "now": clock.now(),
            },
        )
        for origin, held_out, *numbers in cursor.fetchall():
            groups[origin][held_out] = numbers
    return {campaign.origin: _effect(groups[campaign.origin], currency) for campaign in campaigns}


def _effect(groups: dict[bool, list], currency: str) -> CampaignEffect:
    nobody = [0, *[0.0] * (WIDTH * len(METRICS))]
    assigned, held_out = (
        outcomes_of(METRICS, count, sums) for count, *sums in (groups.get(False, nobody), groups.get(True, nobody))
    )
    effects = {
        metric: effect_of(assigned[metric], held_out[metric], error=ERROR, share=metric in SHARES) for metric in METRICS
    }
    ordered, revenue = ExperimentMetric.ORDERED, ExperimentMetric.REVENUE
    return CampaignEffect(
        effects[ordered], effects[revenue], assigned[ordered].count, held_out[ordered].count, currency
    )
