"""Reads for the loyalty pages: liability in points, flow of points, members by tier."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.core.cache import cache
from django.db import connection
from django.db.models import OuterRef, QuerySet
from django.utils.translation import gettext as _t

from core.base import clock
from loyalty.ledger.labels import reference_words
from loyalty.ledger.models import Account, Entry, EntryKind, Reconciliation
from loyalty.ledger.selectors.balances import points_worth
from loyalty.program.models import Member, Program

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


def earnings(program: Program, days: int) -> QuerySet[Entry]:
    """Return the entries that `flow` counts as earned, of the customer of an outer query."""
    return Entry.objects.filter(
        account__member__customer=OuterRef("pk"),
        account__point_type__spendable=True,
        account__point_type__program=program,
        kind=EntryKind.EARN,
        occurred_at__gt=clock.now() - timedelta(days=days),
    )


def balances(rows: list[Member]) -> dict[int, Account]:
    """Return the spendable account of each member."""
    accounts = Account.objects.filter(member__in=rows, point_type__spendable=True).order_by("-point_type_id")
    return {account.member_id: account for account in accounts}


def last_reconciliation() -> Reconciliation | None:
    return Reconciliation.objects.order_by("-ran_at").first()


@dataclass(frozen=True)
class FigureChange:
    """Change of one figure of an account by an entry."""

    label: str
    points: int


@dataclass(frozen=True)
class EntryRow:
    """An entry with its reference in words and its changes of figures."""

    entry: Entry
    reference: str
    changes: list[FigureChange]


def entries(account: Account) -> list[EntryRow]:
    """Return the newest entries."""
    rows = Entry.objects.filter(account=account).select_related("order").order_by("-occurred_at", "-pk")
    return [EntryRow(entry, reference_words(entry.reference), list(_changes(entry))) for entry in rows[:ENTRIES_SHOWN]]


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
