"""Proof of L11: for every account, stored balance = sum of lots = fold of entries, in all four figures."""

from __future__ import annotations

import time

from django.db import connection

from core.db.statements import statement
from loyalty.ledger.models import Reconciliation

SHOWN = 100


def find_differences() -> tuple[int, int, list[dict]]:
    """Return (accounts, number of differing ones, the first 100 of those with stored, entry and lot figures)."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM loyalty_account")
        accounts = cursor.fetchone()[0]
        cursor.execute(
            statement(__package__, "differences"),
            [SHOWN],
        )
        rows = cursor.fetchall()
    differences = [
        {
            "account": row[0],
            "stored": [int(v) for v in row[1:5]],
            "entries": [int(v) for v in row[5:9]],
            "lots": [int(v) for v in row[9:12]],
        }
        for row in rows
    ]
    return accounts, rows[0][12] if rows else 0, differences


def reconcile_points() -> Reconciliation:
    """Compare the whole ledger and store the result."""
    started = time.monotonic()
    accounts, count, differences = find_differences()
    return Reconciliation.objects.create(
        account_count=accounts, difference_count=count, differences=differences, seconds=time.monotonic() - started
    )


def ledger_differences() -> list[str]:
    """Return accounts whose stored figures are not the sum of their entries and lots (L11)."""
    _accounts, _count, differences = find_differences()
    return [
        f"account {row['account']}: stored {row['stored']}, entries {row['entries']}, lots {row['lots']}"
        for row in differences
    ]
