"""The statement of one account for staff: lots with their expiry, open holds, entries with the balance after each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import F, Sum

from core.base import clock
from core.db import paging
from core.db.paging import Page
from loyalty.ledger.labels import reference_words
from loyalty.ledger.models import Account, Entry, Hold, HoldState, Lot

ENTRIES_A_PAGE = 15
LOTS_SHOWN = 12
HOLDS_SHOWN = 10


@dataclass(frozen=True)
class LotRow:
    """A lot with points left. `pending` says whether they can't be spent yet."""

    lot: Lot
    pending: bool


@dataclass(frozen=True)
class StatementRow:
    """An entry, its change of the balance (available and held points), and the balance after it."""

    entry: Entry
    reference: str
    change: int
    balance: int


@dataclass(frozen=True)
class Statement:
    lots: list[LotRow]
    more_lots: bool
    holds: list[tuple[Hold, str]]
    more_holds: bool
    page: Page[Entry]
    rows: list[StatementRow]


def statement(account: Account, cursor: str | None = None) -> Statement:
    """Return one page of the statement, with five queries for any number of entries."""
    now = clock.now()
    lots = list(
        Lot.objects.filter(account=account, open=True)
        .exclude(expires_at__lte=now)
        .select_related("order")
        .order_by(F("expires_at").asc(nulls_last=True), "pk")[: LOTS_SHOWN + 1]
    )
    holds = list(
        Hold.objects.filter(account=account, state=HoldState.HELD).order_by("-created_at", "-pk")[: HOLDS_SHOWN + 1]
    )
    entries = Entry.objects.filter(account=account).select_related("order")
    page = paging.keyset(entries, ["-id"], cursor, ENTRIES_A_PAGE)
    return Statement(
        lots=[LotRow(lot, lot.available_from > now) for lot in lots[:LOTS_SHOWN]],
        more_lots=len(lots) > LOTS_SHOWN,
        holds=[(hold, reference_words(hold.reference)) for hold in holds[:HOLDS_SHOWN]],
        more_holds=len(holds) > HOLDS_SHOWN,
        page=page,
        rows=_rows(account, page.items),
    )


def _rows(account: Account, entries: Sequence[Entry]) -> list[StatementRow]:
    """Return the entries with running balances: one sum over the older entries, and the others follow from it."""
    if not entries:
        return []
    sums: dict[str, Any] = Entry.objects.filter(account=account, pk__lte=entries[0].pk).aggregate(
        available=Sum("available"), held=Sum("held")
    )
    balance = sums["available"] + sums["held"]
    rows = []
    for entry in entries:
        change = entry.available + entry.held
        reference = entry.order.number if entry.order else reference_words(entry.reference)
        rows.append(StatementRow(entry, reference, change, balance))
        balance -= change
    return rows
