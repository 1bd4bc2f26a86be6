"""Planner statistics of a table after many of its rows were written."""

from __future__ import annotations

from django.db import connection

# Autovacuum runs a minute later; until then the planner would use the old size of the table.
REANALYSE_ABOVE = 20_000
REANALYSE_SHARE = 0.1


def analyze_after(written: int, table: str) -> None:
    """Run ANALYZE if a large share of the table was written.

    Never call it in a shard: the lock of an ANALYZE is held until the end of the transaction, and the shards commit
    together.
    """
    if written <= REANALYSE_ABOVE:
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT reltuples FROM pg_class WHERE oid = %s::regclass", [table])
        if written > cursor.fetchone()[0] * REANALYSE_SHARE:
            cursor.execute(f"ANALYZE {table}")
