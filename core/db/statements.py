"""Statements that are too long for Python: `<app>/<subject>/sql/statements/<name>.sql`.

    cursor.execute(statement(__package__, "gate", candidates=_MESSAGES), params)

A part in braces, such as {candidates}, is SQL text that the code contains or builds; braces of the statement itself are
doubled. Values are never parts but parameters: %(name)s. `core.db.sqlfiles` does not load these files.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from psycopg.sql import SQL, Composable

ROOT = Path(__file__).resolve().parents[2]


def statement(package: str, name: str, **parts: str | Composable) -> str:
    """Return the statement of the package's subject with its parts filled in."""
    return compose(_text(package, name), **parts)


def compose(text: str, **parts: str | Composable) -> str:
    """Return the text with its parts filled in. A `str` is SQL text; an Identifier or a Literal is quoted."""
    filled = {key: SQL(part) if isinstance(part, str) else part for key, part in parts.items()}
    return SQL(text).format(**filled).as_string(None)


@cache
def _text(package: str, name: str) -> str:
    app, subject, *_layers = package.split(".")
    return (ROOT / app / subject / "sql" / "statements" / f"{name}.sql").read_text()
