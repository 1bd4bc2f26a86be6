"""Finish pending work in this process, and wait for the part that other workers are doing."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

WAIT_SECONDS = 3600
LOOK_EVERY = 0.5

Pending = TypeVar("Pending")


def finish_pending(pending: Callable[[], Pending], work: Callable[[Pending], int], *, subject: str) -> None:
    """Call `work` until nothing is pending.

    `pending` returns the work that is left, or an empty value. `work` does some of it and returns how much it did. When
    it returns 0, other workers are doing the rest, and this function waits for them. Raises TimeoutError that names the
    `subject` when they have not finished after an hour.
    """
    until = time.monotonic() + WAIT_SECONDS
    while left := pending():
        if work(left):
            continue
        if time.monotonic() > until:
            raise TimeoutError(f"Another worker does not finish {subject}.")
        time.sleep(LOOK_EVERY)
