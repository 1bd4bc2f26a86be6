"""Describe a database for a backup's manifest, and compare a database with a manifest."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection
from django.db.migrations.recorder import MigrationRecorder
from psycopg import sql

from core.backup import programs
from core.base import facts
from core.health import checks as health


def tables() -> list[str]:
    """Return every table of the shop; a partitioned table appears once."""
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
               WHERE n.nspname = current_schema() AND c.relkind IN ('r', 'p') AND NOT c.relispartition ORDER BY 1"""
        )
        return [name for (name,) in cursor.fetchall()]


def counts() -> dict[str, int]:
    sizes = {}
    with connection.cursor() as cursor:
        for name in tables():
            cursor.execute(sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(name)))
            sizes[name] = cursor.fetchone()[0]
    return sizes


def describe() -> dict[str, Any]:
    """Return counts, totals and versions, as of the caller's snapshot."""
    applied: dict[str, list[str]] = {}
    for app, name in sorted(MigrationRecorder(connection).applied_migrations()):
        applied.setdefault(app, []).append(name)
    return {
        "counts": counts(),
        "facts": _facts(),
        "migrations": applied,
        "server": programs.server_major(),
    }


def counts_differ(manifest: dict[str, Any]) -> list[str]:
    """Return a line for each table whose number of rows differs from the manifest."""
    here = counts()
    return [
        f"{name}: {manifest['counts'].get(name)} rows in the backup, {here.get(name)} after the restore"
        for name in sorted({*manifest["counts"], *here})
        if manifest["counts"].get(name) != here.get(name)
    ]


def facts_differ(manifest: dict[str, Any]) -> list[str]:
    """Return a line for each total (points, revenue, messages by state ...) that differs from the manifest."""
    here = _facts()
    return [
        f"{name}: {manifest['facts'].get(name)} in the backup, {here.get(name)} after the restore"
        for name in sorted({*manifest["facts"], *here})
        if manifest["facts"].get(name) != here.get(name)
    ]


def verified(manifest: dict[str, Any]) -> list[str]:
    """Compare counts and totals with the manifest and run every proof, also the ledger's. Return the differences."""
    return counts_differ(manifest) + facts_differ(manifest) + health.prove()


def _facts() -> dict[str, Any]:
    return json.loads(json.dumps(facts.collect(), default=str))


@contextmanager
def other_database(name: str) -> Iterator[None]:
    """Switch this process to another database of the same server. Use it only in the process of a command."""
    previous = connection.settings_dict["NAME"]
    connection.close()
    connection.settings_dict["NAME"] = name
    try:
        yield
    finally:
        connection.close()
        connection.settings_dict["NAME"] = previous
