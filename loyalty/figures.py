"""Reads for the loyalty pages: liability in points, flow of points, members by tier."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.core.cache import cache
from django.db import connection
from django.db.models import Count, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _t

from core.models import DomainEvent
from loyalty import events
from loyalty.models import Account, Entry, Member, MemberState, Program, Reconciliation, Tier
from loyalty.reference_words import reference_words
from loyalty.selectors import points_worth
from loyalty.tier_standing import metric_text

CACHED_SECONDS = 600
ENTRIES_SHOWN = 8


@dataclass(frozen=True)
class Liability:
    """Points that members hold. `worth` is what available, held and pending points pay for, in minor units."""

    available: int
    pending: int
    held: int
    debt: int
    worth: int

    @property
    def points(self) -> int:
        return self.available + self.pending + self.held


def liability(program: Program) -> Liability:
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT coalesce(sum(a.available), 0)::bigint, coalesce(sum(a.pending), 0)::bigint,
                      coalesce(sum(a.held), 0)::bigint, coalesce(sum(a.debt), 0)::bigint
               FROM loyalty_account a JOIN loyalty_pointtype t ON t.id = a.point_type_id
               WHERE t.spendable AND t.program_id = %s""",
            [program.pk],
        )
        available, pending, held, debt = cursor.fetchone()
    return Liability(available, pending, held, debt, points_worth(program, available + pending + held))


@dataclass(frozen=True)
class Flow:
    """Points in a window by the time of the entries. `taken_back` is net of what refunds gave back."""

    earned: int
    spent: int
    expired: int
    adjusted: int
    taken_back: int


def flow(program: Program, days: int) -> Flow:
    """Return the flow of points in the last days. The result is cached for ten minutes.

    The ledger has no index by time, and a figure of a month need not be exact to the minute.
    """
    key = f"loyalty.flow:{program.pk}:{days}"
    cached: Flow | None = cache.get(key)
    if cached is None:
        cached = _flow(program, days)
        cache.set(key, cached, CACHED_SECONDS)
    return cached


def _flow(program: Program, days: int) -> Flow:
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT coalesce(sum(e.available + e.pending) FILTER (WHERE e.kind = 'earn'), 0)::bigint,
                      coalesce(-sum(e.available + e.held) FILTER (WHERE e.kind IN ('redeem', 'capture')), 0)::bigint,
                      coalesce(-sum(e.available + e.pending) FILTER (WHERE e.kind = 'expire'), 0)::bigint,
                      coalesce(sum(e.available) FILTER (WHERE e.kind = 'adjust'), 0)::bigint,
                      coalesce(-sum(e.available + e.pending) FILTER (WHERE e.kind IN ('clawback', 'return')), 0)::bigint
               FROM loyalty_entry e JOIN loyalty_account a ON a.id = e.account_id
               JOIN loyalty_pointtype t ON t.id = a.point_type_id
               WHERE e.occurred_at > now() - make_interval(days => %s) AND t.spendable AND t.program_id = %s""",
            [days, program.pk],
        )
        return Flow(*cursor.fetchone())


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
        return self.tier.code if self.tier else "none"

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


def members(program: Program, tier_code: str) -> QuerySet[Member]:
    """Return active members, of one tier if its code is known. "none" is below the first tier.

    "suspended" returns the suspended members instead.
    """
    everyone = Member.objects.filter(program=program).select_related("customer", "tier")
    if tier_code == MemberState.SUSPENDED:
        return everyone.filter(state=MemberState.SUSPENDED)
    rows = everyone.active()  # type: ignore[attr-defined]
    if tier_code == "none":
        return rows.filter(tier=None)
    if tier_code and (tier := Tier.objects.filter(program=program, code=tier_code).first()):
        return rows.filter(tier=tier)
    return rows


def balances(rows: list[Member]) -> dict[int, Account]:
    """Return the spendable account of each member."""
    accounts = Account.objects.filter(member__in=rows, point_type__spendable=True).order_by("-point_type_id")
    return {account.member_id: account for account in accounts}


def last_reconciliation() -> Reconciliation | None:
    return Reconciliation.objects.order_by("-ran_at").first()


@dataclass(frozen=True)
class TierMoves:
    up: int
    down: int


def tier_moves(days: int = 7) -> TierMoves:
    since = timezone.now() - timedelta(days=days)
    counts = DomainEvent.objects.filter(kind=events.TIER_CHANGED.kind, recorded_at__gte=since).aggregate(
        up=Count("pk", filter=Q(payload__up=True)), down=Count("pk", filter=Q(payload__up=False))
    )
    return TierMoves(counts["up"], counts["down"])


@dataclass(frozen=True)
class FigureChange:
    """Change of one figure of an account by an entry."""

    label: str
    points: int


def entries(account: Account) -> list[tuple[Entry, str, list[FigureChange]]]:
    """Return the newest entries, each with its reference in words and its changes of figures."""
    rows = Entry.objects.filter(account=account).select_related("order").order_by("-occurred_at", "-pk")
    return [(entry, reference_words(entry.reference), list(_changes(entry))) for entry in rows[:ENTRIES_SHOWN]]


def _changes(entry: Entry) -> Iterator[FigureChange]:
    figures: list[tuple[str, Any]] = [
        ("", entry.available),
        (_t("pending"), entry.pending),
        (_t("held"), entry.held),
        (_t("debt"), entry.debt),
    ]
    for label, points in figures:
        if points:
            yield FigureChange(label, points)
