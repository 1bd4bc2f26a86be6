"""Figures of tiers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from django.db.models import Count, Exists, OuterRef, Q, QuerySet
from django.utils.translation import gettext as _t

from core.base import clock
from core.events.models import DomainEvent
from crm.customers.models import Customer
from loyalty.program.models import Member, Program
from loyalty.tiers import events
from loyalty.tiers.models import Tier
from loyalty.tiers.selectors.standing import metric_text

NO_TIER = "none"


@dataclass(frozen=True)
class TierRow:
    """Members in one tier; `share` is their percentage of all members. `tier` is None below the first tier."""

    tier: Tier | None
    count: int
    share: int

    @property
    def label(self) -> str:
        return self.tier.label if self.tier else _t("No tier")

    @property
    def code(self) -> str:
        return self.tier.code if self.tier else NO_TIER

    @property
    def threshold(self) -> str:
        return metric_text(self.tier.program, self.tier.threshold) if self.tier else ""


def tiers(program: Program) -> list[TierRow]:
    """Return every tier, highest first, including tiers without members."""
    rows = Member.objects.active().filter(program=program).values_list("tier_id").annotate(count=Count("pk"))
    counts: dict[int | None, int] = dict(rows)
    total = sum(counts.values())
    known: list[Tier | None] = [*Tier.objects.filter(program=program).select_related("program").order_by("-rank"), None]
    counted = ((tier, counts.get(tier.pk if tier else None, 0)) for tier in known)
    return [TierRow(tier, count, round(100 * count / total) if total else 0) for tier, count in counted]


def tier_changes(days: int = 7) -> QuerySet[DomainEvent]:
    """Return the changes of tiers in the last days."""
    return DomainEvent.objects.filter(
        kind=events.TIER_CHANGED.kind, recorded_at__gte=clock.now() - timedelta(days=days)
    )


def tier_choices(program: Program) -> list[tuple[str, str]]:
    """Return (code, name) of every tier, highest first, and of members without one. Nothing is counted."""
    named = [(tier.code, tier.label) for tier in Tier.objects.filter(program=program).order_by("-rank")]
    return [*named, (NO_TIER, _t("No tier"))]


@dataclass(frozen=True)
class TierMoves:
    up: int
    down: int


def tier_moves(days: int = 7) -> TierMoves:
    """Count the active customers who moved up, and those who moved down, each once."""
    active = Customer.objects.active().filter(pk=OuterRef("subject_id"))
    counts = tier_changes(days).filter(Exists(active)).aggregate(
        up=Count("subject_id", distinct=True, filter=Q(payload__up=True)),
        down=Count("subject_id", distinct=True, filter=Q(payload__up=False)),
    )  # fmt: skip
    return TierMoves(counts["up"], counts["down"])
