"""Reads of tiers: a member's tier, what is missing to the next tier and to stay, the benefits of the tier."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db import connection
from django.db.models import Q
from django.utils.translation import gettext as _t
from django.utils.translation import ngettext

from core.base import clock
from core.text.currencies import exponent
from core.text.formatting import day as in_words
from core.text.formatting import money, month_day, number
from crm.orders.selectors.skus import products_by_sku
from loyalty.program.models import Member, MemberState, Program, TierMetric, TierPolicy
from loyalty.program.rules import products
from loyalty.tiers.models import GivenTier, Tier, TierBenefit, TierPeriod
from loyalty.tiers.registry import BENEFITS
from loyalty.tiers.rules import Counted, TierGoal, TierPeriodPolicy, goal_stay, goal_up, windows
from loyalty.tiers.selectors.metrics import METRICS, NO_REFUNDS

INTERVALS_SHOWN = 12


@dataclass(frozen=True)
class BenefitLine:
    """A benefit as a member reads it; `details` is for the storefront."""

    kind: str
    label: str
    words: str
    icon: str
    details: dict[str, Any]


@dataclass(frozen=True)
class TierStanding:
    """A member's tier and their progress. `until` is the last day on which it is certain with the present figures.

    `given` is the given tier that runs now. `at_stake` says whether there is something to lose at the end of the
    period; `lowest` whether no tier is below this one.
    """

    member: Member
    period: TierPeriod | None
    until: date | None
    given: GivenTier | None
    next: Tier | None
    progress: TierGoal | None
    stay: TierGoal | None
    lowest: bool = False
    at_stake: bool = True

    @property
    def is_locked(self) -> bool:
        return bool(self.given and self.given.locked)

    @property
    def progress_text(self) -> str:
        if self.member.state != MemberState.ACTIVE:
            return ""
        return goal_text(self.member.program, self.progress, self.next, up=True)

    @property
    def stay_text(self) -> str:
        """Return the sentence about staying. Empty when nothing can be lost.

        That is a member who is not active, or the first tier while it has no benefits.
        """
        if not self.at_stake:
            return ""
        program, tier = self.member.program, self.member.tier
        if self.lowest and tier and self.stay and self.stay.left and _any_order_does(program, tier):
            # "Spend 1.00 more" would be true but useless.
            return _t("Order by %(day)s to stay %(tier)s") % {"tier": tier.label, "day": _by(self.stay.by)}
        return goal_text(program, self.stay, tier, up=False)


def standing(member: Member, *, at: datetime | None = None) -> TierStanding:
    now = at or clock.now()
    program = member.program
    policy = TierPeriodPolicy(
        program.tier_period,
        program.tier_window_days,
        program.tier_grace_days,
        program.time_zone,
        program.tier_downgrade,
    )
    spans = windows(policy, now, member.enrolled_at, member.tier_since)
    counted = _counted(member, now)
    rank = member.tier.rank if member.tier else 0
    following = Tier.objects.filter(program=program, rank__gt=rank).order_by("rank").first()
    given_tier = _given(member, now)
    stay = until = None
    if member.tier:
        if given_tier is None or given_tier.tier.rank < rank:
            stay = goal_stay(policy, spans, counted, member.tier.threshold, now)
            until = stay.by
        else:
            until = (given_tier.ends_at - timedelta(microseconds=1)).astimezone(ZoneInfo(program.time_zone)).date()
    lowest = bool(member.tier) and not Tier.objects.filter(program=program, rank__lt=rank).exists()
    return TierStanding(
        member,
        TierPeriod.objects.filter(member=member, ended_at=None).first(),
        until,
        given_tier,
        following,
        goal_up(policy, spans, counted, following.threshold, now) if following else None,
        stay,
        lowest,
        member.state == MemberState.ACTIVE and not (lowest and _loses_nothing(member.tier)),
    )


def _loses_nothing(tier: Tier | None) -> bool:
    """Return whether the first tier is never lost, or has no benefits that could be lost."""
    return tier is None or not tier.threshold or not benefits_of(tier)


def _any_order_does(program: Program, tier: Tier) -> bool:
    """Return whether every order reaches the threshold: one order, or at most one unit of the currency."""
    if program.tier_metric == TierMetric.SPEND:
        return tier.threshold <= 10 ** exponent(program.currency)
    return program.tier_metric == TierMetric.ORDERS and tier.threshold == 1


def goal_text(program: Program, goal: TierGoal | None, tier: Tier | None, *, up: bool) -> str:
    """Return one sentence in the active language: what to do, by when, for which tier.

    Empty when there is nothing to say.
    """
    if goal is None or tier is None:
        return ""
    by = _by(goal.by) if goal.by else ""
    if not goal.left:
        return _t("%(tier)s until %(day)s") % {"tier": tier.label, "day": by} if by and not up else ""
    values: dict[str, Any] = {"tier": tier.label, "day": by, "count": number(goal.left)}
    if program.tier_metric == TierMetric.SPEND:
        values["amount"] = money(goal.left, program.currency)
        texts = (
            _t("Spend %(amount)s more by %(day)s to reach %(tier)s"),
            _t("Spend %(amount)s more to reach %(tier)s"),
            _t("Spend %(amount)s more by %(day)s to stay %(tier)s"),
            _t("Spend %(amount)s more to stay %(tier)s"),
        )
    elif program.tier_metric == TierMetric.ORDERS:
        texts = (
            ngettext("Place %(count)s more order by %(day)s to reach %(tier)s",
                     "Place %(count)s more orders by %(day)s to reach %(tier)s", goal.left),
            ngettext("Place %(count)s more order to reach %(tier)s",
                     "Place %(count)s more orders to reach %(tier)s", goal.left),
            ngettext("Place %(count)s more order by %(day)s to stay %(tier)s",
                     "Place %(count)s more orders by %(day)s to stay %(tier)s", goal.left),
            ngettext("Place %(count)s more order to stay %(tier)s",
                     "Place %(count)s more orders to stay %(tier)s", goal.left),
        )  # fmt: skip
    else:
        texts = (
            _t("Collect %(count)s more growth value by %(day)s to reach %(tier)s"),
            _t("Collect %(count)s more growth value to reach %(tier)s"),
            _t("Collect %(count)s more growth value by %(day)s to stay %(tier)s"),
            _t("Collect %(count)s more growth value to stay %(tier)s"),
        )
    return texts[(0 if up else 2) + (0 if by else 1)] % values


def metric_text(program: Program, value: int) -> str:
    """Return an amount, a number of orders or growth value, by the program's metric."""
    if program.tier_metric == TierMetric.SPEND:
        return money(value, program.currency)
    if program.tier_metric == TierMetric.ORDERS:
        return ngettext("%(count)s order", "%(count)s orders", value) % {"count": number(value)}
    return _t("%(count)s growth value") % {"count": number(value)}


def benefits_of(tier: Tier | None) -> list[BenefitLine]:
    """Return the benefits of a tier, derived ones first; kinds without words are left out."""
    return benefits_of_tiers([tier])[tier.pk] if tier else []


def benefits_of_tiers(tiers: Sequence[Tier]) -> dict[int, list[BenefitLine]]:
    """Return {tier id: benefits}, with one query for the benefits of all tiers and those of the derived kinds."""
    lines: dict[int, list[BenefitLine]] = {tier.pk: [] for tier in tiers}
    for name, kind in BENEFITS.items():
        if kind.derived:
            for tier_id, words in kind.derived_words(tiers).items():
                lines[tier_id].append(BenefitLine(name, str(kind.label), words, kind.icon, {}))
    for benefit in TierBenefit.objects.filter(tier__in=tiers, active=True).select_related("tier__program"):
        known = BENEFITS.get(benefit.kind)
        if known is not None and (words := known.words(benefit)):
            line = BenefitLine(benefit.kind, str(known.label), words, known.icon, known.details(benefit))
            lines[benefit.tier_id].append(line)
    return lines


def intervals(member: Member) -> list[TierPeriod]:
    """Return the member's tier periods, the newest first (T3)."""
    rows = TierPeriod.objects.filter(member=member).select_related("tier")
    return list(rows.order_by("-started_at", "-pk")[:INTERVALS_SHOWN])


def free_shipping_from(tier: Tier | None) -> int | None:
    """Return the amount, in minor units, from which the tier's members pay no shipping. None when they pay it."""
    if tier is None:
        return None
    benefits = TierBenefit.objects.filter(tier=tier, kind="free_shipping", active=True).values_list(
        "settings", flat=True
    )
    return min((int(settings["from_amount"]) for settings in benefits), default=None)


@dataclass(frozen=True)
class Allowed:
    """Whether a product may be bought. `tier` is the lowest one that may buy it; None when everyone may."""

    sku: str
    tier: Tier | None
    may_buy: bool


def may_buy(member: Member, skus: Sequence[str]) -> list[Allowed]:
    """Return for each product whether the member may buy it, in the order given."""
    rows = TierBenefit.objects.filter(
        tier__program=member.program, kind="exclusive_products", active=True
    ).select_related("tier")
    limits = [(row.tier.rank, row.settings) for row in rows]
    tiers = {row.tier.rank: row.tier for row in rows}
    categories = products_by_sku(skus, "category")
    rank = member.tier.rank if member.tier else 0
    results = []
    for sku in skus:
        least = products.least_rank(limits, products.TierProduct(sku, categories.get(sku, "")))
        results.append(Allowed(sku, tiers[least] if least is not None else None, least is None or rank >= least))
    return results


def _counted(member: Member, at: datetime) -> list[Counted]:
    program = member.program
    days = (
        program.tier_window_days + program.tier_grace_days if program.tier_period == TierPolicy.ROLLING else 2 * 366 + 2
    )
    metric = METRICS[program.tier_metric].format(refunds=NO_REFUNDS, who="o.customer_id = ANY(%(customers)s)")
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT v.at, v.value FROM ({metric}) AS v",  # noqa: S608 - constant fragments; values are parameters
            {
                "program": program.pk,
                "currency": program.currency,
                "at": at,
                "earliest": at - timedelta(days=days),
                "last_run": "infinity",
                "customers": [member.customer_id],
            },
        )
        return [Counted(*row) for row in cursor.fetchall()]


def _given(member: Member, at: datetime) -> GivenTier | None:
    rows = GivenTier.objects.filter(
        Q(ended_at=None) | Q(ended_at__gt=at), member=member, starts_at__lte=at, ends_at__gt=at
    )
    return rows.select_related("tier").order_by("-locked", "-tier__rank", "-ends_at").first()


def _by(value: date | None) -> str:
    if value is None:
        return ""
    return month_day(value.month, value.day) if value.year == clock.now().year else in_words(value)
