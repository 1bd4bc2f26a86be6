"""The one way to lock rows: always in primary-key order, so that two transactions never wait for each other."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from django.db import connection, models

from core.base.errors import LockedOutsideTransaction, NotFound

M = TypeVar("M", bound=models.Model)


def require_transaction() -> None:
    if not connection.in_atomic_block:
        raise LockedOutsideTransaction("Lock rows inside transaction.atomic().")


def lock_rows(queryset: models.QuerySet[M], *, weak: bool = False) -> list[M]:
    """Lock and return the rows, ordered by primary key. `weak` leaves room for foreign-key checks by others."""
    require_transaction()
    return list(queryset.order_by("pk").select_for_update(no_key=weak, of=("self",)))


def lock_row(queryset: models.QuerySet[M], *, weak: bool = False) -> M:
    """Lock exactly one row. Raises NotFound when there is none."""
    rows = lock_rows(queryset, weak=weak)
    if len(rows) != 1:
        raise NotFound()
    return rows[0]


def lock_name(*parts: object) -> None:
    """Lock a name instead of a row until the transaction ends, so that the first caller creates the row."""
    require_transaction()
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [":".join(map(str, parts))])


def lock_names(names: Iterable[str]) -> None:
    for name in sorted(set(names)):
        lock_name(name)
