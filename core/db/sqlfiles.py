"""Loader of the apps' SQL files (functions, triggers, views, sequences), run when their text has changed.

Every file is idempotent (CREATE OR REPLACE, IF NOT EXISTS), so a change needs only an edit of the file: the next
`migrate` loads it. The database stores the checksums of its files in a function, which every backup contains and no
TRUNCATE removes. A file that drops an old signature keeps that line for one more release.
"""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path

from django.conf import settings
from django.db import connections, transaction
from django.db.migrations.executor import MigrationExecutor

ROOT = Path(__file__).resolve().parents[2]
# Defaults and indexes of tables call these functions, so they must exist before the tables.
BEFORE_TABLES = ("core/ids.sql", "crm/customers/numbers.sql")


def paths() -> dict[str, Path]:
    """Return the SQL files by name ("loyalty/ledger/sweeps.sql"), in the order in which they are loaded."""
    files: dict[str, Path] = {}
    for app in settings.OUR_APPS:
        for path in sorted([*(ROOT / app).glob("sql/*.sql"), *(ROOT / app).glob("*/sql/*.sql")]):
            files["/".join([*path.relative_to(ROOT).parts[:-2], path.name])] = path
    return files


def changed(using: str = "default") -> list[str]:
    """Return the names of the files whose text differs from the loaded one."""
    loaded = _loaded(using)
    return [name for name, path in paths().items() if loaded.get(name) != _checksum(path)]


def load_before_tables(using: str = "default", **_signal: object) -> None:
    _load([name for name in changed(using) if name in BEFORE_TABLES], using)


def load_changed(using: str = "default", **_signal: object) -> None:
    """Load the changed files, unless tables that they use are not yet created."""
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
        # A function may call a function of a later file.
        cursor.execute("SET LOCAL check_function_bodies = off")
        for name in names:
            # Without parameters, so that percent signs need no escape.
            cursor.execute(files[name].read_text())
        loaded = _loaded(using) | {name: _checksum(files[name]) for name in names}
        checksums = json.dumps({name: loaded[name] for name in files if name in loaded})
        cursor.execute(
            "CREATE OR REPLACE FUNCTION core_sql_files() RETURNS jsonb LANGUAGE sql IMMUTABLE AS "
            f"$$ SELECT '{checksums}'::jsonb $$"
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
