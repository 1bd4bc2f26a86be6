"""Loads the SQL files of the apps (functions, triggers, views, sequences) when their text has changed.

Every file is idempotent (CREATE OR REPLACE, IF NOT EXISTS), so a change is an edit of the file and nothing else: the next
`migrate` loads it. The database remembers the checksums of its files in a function, which every backup carries and no
TRUNCATE removes. A file that drops an old signature keeps that line until the release after.
"""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path

from django.conf import settings
from django.db import connections, transaction
from django.db.migrations.executor import MigrationExecutor

ROOT = Path(__file__).resolve().parent.parent
# Defaults and indexes of tables call these functions, so they are there before the tables are.
BEFORE_TABLES = ("core/ids.sql", "crm/numbers.sql")


def paths() -> dict[str, Path]:
    """Return the SQL files by name ("loyalty/ledger.sql"), in the order in which they are loaded."""
    return {
        f"{app}/{path.name}": path for app in settings.OUR_APPS for path in sorted((ROOT / app / "sql").glob("*.sql"))
    }


def changed(using: str = "default") -> list[str]:
    """Return the names of the files whose text is not what the database has loaded."""
    loaded = _loaded(using)
    return [name for name, path in paths().items() if loaded.get(name) != _checksum(path)]


def load_before_tables(using: str = "default", **_signal: object) -> None:
    _load([name for name in changed(using) if name in BEFORE_TABLES], using)


def load_changed(using: str = "default", **_signal: object) -> None:
    """Load what has changed, unless tables that the files speak of are still to be made."""
    names = changed(using)
    if not names:
        return
    executor = MigrationExecutor(connections[using])
    if not executor.migration_plan(executor.loader.graph.leaf_nodes()):
        _load(names, using)


def _load(names: list[str], using: str) -> None:
    if not names:
        return
    files = paths()
    with transaction.atomic(using=using), connections[using].cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('core_sql_files'))")
        # A function may call one of a later file.
        cursor.execute("SET LOCAL check_function_bodies = off")
        for name in names:
            # Without parameters, so that a percent sign is a percent sign.
            cursor.execute(files[name].read_text())
        loaded = _loaded(using) | {name: _checksum(files[name]) for name in names}
        remembered = json.dumps({name: loaded[name] for name in files if name in loaded})
        cursor.execute(
            "CREATE OR REPLACE FUNCTION core_sql_files() RETURNS jsonb LANGUAGE sql IMMUTABLE AS "
            f"$$ SELECT '{remembered}'::jsonb $$"
        )


def _loaded(using: str) -> dict[str, str]:
    with connections[using].cursor() as cursor:
        cursor.execute("SELECT to_regprocedure('core_sql_files()') IS NOT NULL")
        if not cursor.fetchone()[0]:
            return {}
        cursor.execute("SELECT core_sql_files()")
        loaded = cursor.fetchone()[0]
        return json.loads(loaded) if isinstance(loaded, str) else loaded


def _checksum(path: Path) -> str:
    return sha256(path.read_bytes()).hexdigest()
