"""Parts of one computation that run at once, each in a transaction on a connection of its own.

PostgreSQL writes with one core a statement, so whoever writes rows of everyone uses the others like this.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from threading import Barrier, BrokenBarrierError
from typing import Any, TypeVar

from django.conf import settings
from django.db import connection, transaction

Part = TypeVar("Part")
Found = TypeVar("Found")

# Below this the parts would wait for each other longer than they compute.
SHARDED_ABOVE = 100_000


def bounds_of(table: str, *, where: str = "true", params: Sequence[Any] = ()) -> list[int]:
    """Ids that cut the table's rows into about equal parts, as many as COMPUTE_SHARDS says: each bound is the last id of
    its part. None where one part is enough."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT reltuples FROM pg_class WHERE oid = %s::regclass", [table])
        if settings.COMPUTE_SHARDS < 2 or cursor.fetchone()[0] < SHARDED_ABOVE:
            return []
        cursor.execute(
            f"""SELECT DISTINCT unnest(percentile_disc(%s::float8[]) WITHIN GROUP (ORDER BY id)) AS bound
                FROM {table} WHERE {where} ORDER BY bound""",
            [[place / settings.COMPUTE_SHARDS for place in range(1, settings.COMPUTE_SHARDS)], *params],
        )
        return [bound for (bound,) in cursor.fetchall() if bound is not None]


def run_shards(parts: Sequence[Part], work: Callable[[Part], Found], *, together: bool = True) -> list[Found]:
    """What `work` answers for each part, in their order. One part is done in the caller's own transaction.

    Several see what was committed before, not what the caller has written. They commit when all of them have come to
    their end; when one fails none does, and its error is raised. A crash between two commits leaves one of them done, so
    the work of a part must be whole in itself, and right to do again.

    Not `together`, each commits when it has come to its own end. So it must be where they lock rows that others lock too:
    who holds a row that one part wants and wants one that another part holds would wait for it, and it for the first.
    """
    if len(parts) == 1:
        return [work(parts[0])]
    all_done = Barrier(len(parts) if together else 1)

    def one(part: Part) -> Found:
        try:
            with transaction.atomic():
                found = work(part)
                all_done.wait()
            return found
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
