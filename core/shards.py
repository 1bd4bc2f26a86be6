"""Parts of one computation that run at once, each in a transaction on a connection of its own.

PostgreSQL writes with one core a statement, so whoever writes rows of everyone uses the others like this.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from threading import Barrier, BrokenBarrierError
from typing import TypeVar

from django.db import connection, transaction

Part = TypeVar("Part")
Found = TypeVar("Found")


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
