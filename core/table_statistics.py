"""What the planner believes of a table after many of its rows were written."""

from __future__ import annotations

from django.db import connection

# Autovacuum comes a minute later, and plans made in between would take the table for what it was.
REANALYSE_ABOVE = 20_000
REANALYSE_SHARE = 0.1


def analyze_after(written: int, table: str) -> None:
    """When so many rows were written that the table is another one. Not by a shard: the lock of an ANALYZE is held to the
    end, and the shards end together."""
    if written <= REANALYSE_ABOVE:
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT reltuples FROM pg_class WHERE oid = %s::regclass", [table])
        if written > cursor.fetchone()[0] * REANALYSE_SHARE:
            cursor.execute(f"ANALYZE {table}")
