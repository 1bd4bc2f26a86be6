"""Days in a row: a rule gives when so many are reached, and begins again."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta


def completed(days: Iterable[date], length: int, after: date | None) -> list[date]:
    """The days on which `length` days in a row were reached. Days up to `after`, the last one that gave, are spent."""
    found: list[date] = []
    run, before = 0, None
    for day in sorted(set(days)):
        if after is not None and day <= after:
            continue
        run = run + 1 if before is not None and day - before == timedelta(days=1) else 1
        before = day
        if run == length:
            found.append(day)
            run = 0
    return found
