"""Loads an app's SQL functions in a migration: `operations = [sql_file("loyalty", "ledger.sql")]`.

The files use CREATE OR REPLACE, so a later migration that loads the same file again brings the new text.
"""

from __future__ import annotations

from pathlib import Path

from django.db import migrations

ROOT = Path(__file__).resolve().parent.parent


def sql_file(app: str, name: str) -> migrations.RunSQL:
    # A percent sign would be read as a parameter only if parameters were passed, and none are.
    return migrations.RunSQL((ROOT / app / "sql" / name).read_text(), migrations.RunSQL.noop, elidable=False)
