"""Helpers to run work at the same moment in real threads, each with its own database connection."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from django.db import connection, connections


def at_once(work: Sequence[Callable[[], Any]], *, connected: bool = True) -> list:
    """Run all functions at once; return the answers in order, with exceptions as answers.

    `connected` False: the threads open their connections later, because there are more threads than the server allows.
    """
    gate = threading.Barrier(len(work))

    def run(function: Callable[[], Any]) -> Any:
        try:
            if connected:
                connection.ensure_connection()
        except BaseException:
            # A thread that never reaches the barrier would block the others for ever.
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
    """Run `work(thread number)` in many threads at once; raise the first exception."""
    answers = at_once([partial(work, number) for number in range(threads)], connected=threads <= 64)
    for answer in answers:
        if isinstance(answer, Exception):
            raise answer
    return answers
