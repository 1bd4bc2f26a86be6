"""Parallel parts of one computation, each in a transaction on its own connection.

PostgreSQL writes with one core per statement, so code that writes rows of all customers uses the other cores this way.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from threading import Barrier, BrokenBarrierError
from typing import Any, TypeVar

from django.conf import settings
from django.db import connection, transaction
from psycopg.sql import Identifier

from core.db.statements import compose

Part = TypeVar("Part")
Answer = TypeVar("Answer")
# Below this size the parts would wait for each other longer than they compute.
SHARDED_ABOVE = 100_000


def bounds_of(table: str, *, where: str = "true", params: Sequence[Any] = ()) -> list[int]:
    """Return ids that cut the table's rows into COMPUTE_SHARDS parts of about equal size; [] if one part is enough.

    Each bound is the last id of its part.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT reltuples FROM pg_class WHERE oid = %s::regclass", [table])
        if settings.COMPUTE_SHARDS < 2 or cursor.fetchone()[0] < SHARDED_ABOVE:
            return []
        cursor.execute(
            compose(
                """SELECT DISTINCT unnest(percentile_disc(%s::float8[]) WITHIN GROUP (ORDER BY id)) AS bound
                   FROM {table} WHERE {where} ORDER BY bound""",
                table=Identifier(table),
                where=where,
            ),
            [[place / settings.COMPUTE_SHARDS for place in range(1, settings.COMPUTE_SHARDS)], *params],
        )
        return [bound for (bound,) in cursor.fetchall() if bound is not None]


def run_shards(parts: Sequence[Part], work: Callable[[Part], Answer], *, together: bool = True) -> list[Answer]:
    """Run `work` for each part and return the answers in order. A single part runs in the caller's own transaction.

    Several parts see committed rows, not the caller's uncommitted ones. They commit when all of them have finished; if
    one fails, none commits and its error is raised. A crash between two commits leaves one part done, so the work of a
    part must be complete in itself and idempotent.

    Without `together`, each part commits when it has finished. Use that when the parts lock rows that other
    transactions lock too. Otherwise deadlock: another transaction holds a row that one part needs, and waits for a row
    of a part that has finished but waits for the others.
    """
    if len(parts) == 1:
        return [work(parts[0])]
    all_done = Barrier(len(parts) if together else 1)

    def one(part: Part) -> Answer:
        try:
            with transaction.atomic():
                answer = work(part)
                all_done.wait()
            return answer
        except BaseException:
            if together:
                all_done.abort()
            raise
        finally:
            connection.close()

    with ThreadPoolExecutor(len(parts)) as threads:
        futures = [threads.submit(copy_context().run, one, part) for part in parts]
        errors = [error for future in futures if (error := future.exception()) is not None]
    if errors:
        raise next((error for error in errors if not isinstance(error, BrokenBarrierError)), errors[0])
    return [future.result() for future in futures]
