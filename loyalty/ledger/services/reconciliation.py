"""Proof of L11: for every account, stored balance = sum of lots = fold of entries, in all four figures."""

from __future__ import annotations

import time

from django.db import connection

from loyalty.ledger.models import Reconciliation

SHOWN = 100


def find_differences() -> tuple[int, int, list[dict]]:
    """Return (accounts, number of differing ones, the first 100 of those with stored, entry and lot figures)."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM loyalty_account")
        accounts = cursor.fetchone()[0]
        cursor.execute(
            """WITH entries AS (
                   SELECT account_id, sum(available) AS available, sum(pending) AS pending, sum(held) AS held,
                          sum(debt) AS debt FROM loyalty_entry GROUP BY account_id),
               lots AS (
                   SELECT account_id, coalesce(sum(remaining) FILTER (WHERE confirmed_at IS NOT NULL), 0) AS available,
                          coalesce(sum(remaining) FILTER (WHERE confirmed_at IS NULL), 0) AS pending, sum(held) AS held
                   FROM loyalty_lot GROUP BY account_id)
               SELECT a.id, a.available, a.pending, a.held, a.debt,
                      coalesce(e.available, 0), coalesce(e.pending, 0), coalesce(e.held, 0), coalesce(e.debt, 0),
                      coalesce(l.available, 0), coalesce(l.pending, 0), coalesce(l.held, 0), count(*) OVER ()
               FROM loyalty_account a LEFT JOIN entries e ON e.account_id = a.id LEFT JOIN lots l ON l.account_id = a.id
               WHERE (a.available, a.pending, a.held, a.debt) IS DISTINCT FROM
                     (coalesce(e.available, 0), coalesce(e.pending, 0), coalesce(e.held, 0), coalesce(e.debt, 0))
                  OR (a.available, a.pending, a.held) IS DISTINCT FROM
                     (coalesce(l.available, 0), coalesce(l.pending, 0), coalesce(l.held, 0))
               ORDER BY a.id LIMIT %s""",
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
