"""The one way to lock rows: always in primary-key order, so that two transactions never wait for each other."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Any, LiteralString, TypeVar

from django.db import connection, models
from psycopg.sql import SQL, Identifier

from core.base.errors import LockedOutsideTransaction, NotFound

M = TypeVar("M", bound=models.Model)


def require_transaction() -> None:
    if not connection.in_atomic_block:
        raise LockedOutsideTransaction("Lock rows inside transaction.atomic().")


class Strength(StrEnum):
    """Row locks that the ORM has no word for. A shared lock excludes writers, not other holders of a shared lock."""

    WEAK = "NO KEY UPDATE"
    SHARE = "SHARE"
    KEY_SHARE = "KEY SHARE"


def lock_rows(
    queryset: models.QuerySet[M], *, weak: bool = False, skip_locked: bool = False, most: int | None = None
) -> list[M]:
    """Lock and return the rows, at most `most`, ordered by primary key.

    `weak` leaves room for foreign-key checks by others. `skip_locked` leaves out rows that another transaction holds.
    """
    require_transaction()
    return list(queryset.order_by("pk").select_for_update(no_key=weak, skip_locked=skip_locked, of=("self",))[:most])


def lock_row(queryset: models.QuerySet[M], *, weak: bool = False) -> M:
    """Lock exactly one row. Raises NotFound when there is none."""
    rows = lock_rows(queryset, weak=weak)
    if len(rows) != 1:
        raise NotFound()
    return rows[0]


def lock_first(queryset: models.QuerySet[M], *, skip_locked: bool = False) -> M | None:
    """Lock and return the row with the lowest primary key, or return None when there is none."""
    return next(iter(lock_rows(queryset, skip_locked=skip_locked, most=1)), None)


def lock_columns(
    table: str,
    ids: Iterable[int],
    columns: Sequence[str] = ("id",),
    *,
    strength: Strength = Strength.WEAK,
    where: LiteralString = "true",
    skip_locked: bool = False,
) -> list[tuple[Any, ...]]:
    """Lock rows by id and return the columns, ordered by id. For locks that the ORM can't take, and for busy paths.

    Rows that do not meet `where` are neither locked nor returned.
    """
    require_transaction()
    statement = SQL(
        "SELECT {columns} FROM {table} WHERE id = ANY(%s) AND {where} ORDER BY id FOR {strength}{skip}"
    ).format(
        columns=SQL(", ").join(map(Identifier, columns)),
        table=Identifier(table),
        where=SQL(where),
        strength=SQL(strength.value),
        skip=SQL(" SKIP LOCKED" if skip_locked else ""),
    )
    with connection.cursor() as cursor:
        # As text, because the audit log looks into statements.
        cursor.execute(statement.as_string(None), [sorted(set(ids))])
        return cursor.fetchall()


def lock_name(*parts: object) -> None:
    """Lock a name instead of a row until the transaction ends, so that the first caller creates the row."""
    require_transaction()
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [":".join(map(str, parts))])


def lock_names(names: Iterable[str]) -> None:
    for name in sorted(set(names)):
        lock_name(name)
