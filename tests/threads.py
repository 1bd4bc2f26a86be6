"""Work done at the same moment by real threads, each on a database connection of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from django.db import connection, connections


def at_once(work: Sequence[Callable[[], Any]], *, connected: bool = True) -> list:
    """What each answered, in order; exceptions are answers. `connected` False: more threads than the server has seats."""
    gate = threading.Barrier(len(work))

    def run(function: Callable[[], Any]) -> Any:
        try:
            if connected:
                connection.ensure_connection()
        except BaseException:
            # Who is never at the gate would keep the others there for ever.
            gate.abort()
            raise
        gate.wait()
        try:
            return function()
        except Exception as error:
            return error
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(work)) as pool:
        return list(pool.map(run, work))


def storm(threads: int, work: Callable[[int], Any]) -> list:
    """`work(thread number)` by so many threads; the first exception is raised here."""
    answers = at_once([partial(work, number) for number in range(threads)], connected=threads <= 64)
    for answer in answers:
        if isinstance(answer, Exception):
            raise answer
    return answers
