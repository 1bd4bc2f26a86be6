"""Days in a row: the longest run, the present run, and the days on which a rule gives points for a run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta


@dataclass(frozen=True)
class Runs:
    """Lengths of the run that ends on the last day and of the longest one."""

    last: int
    longest: int


def runs_of(days: Iterable[date]) -> Runs:
    """Return the runs of days in any order, with repeats. A day that arrives late closes its gap."""
    longest = run = 0
    for _day, follows in _in_order(days):
        run = run + 1 if follows else 1
        longest = max(longest, run)
    return Runs(run, longest)


def completed(days: Iterable[date], length: int, after: date | None) -> list[date]:
    """Return the days on which `length` days in a row were reached.

    Days up to `after`, the last one that gave, don't count.
    """
    completed_on: list[date] = []
    run = 0
    for day, follows in _in_order(day for day in days if after is None or day > after):
        run = run + 1 if follows else 1
        if run == length:
            completed_on.append(day)
            run = 0
    return completed_on


def current_run(count: int, last_on: date | None, today: date) -> int:
    """Return the length of a run today. A run holds until the end of the day after its last one."""
    return count if last_on is not None and last_on >= today - timedelta(days=1) else 0


def _in_order(days: Iterable[date]) -> Iterator[tuple[date, bool]]:
    """Yield each day once, and whether it follows the day before."""
    before: date | None = None
    for day in sorted(set(days)):
        yield day, before is not None and day - before == timedelta(days=1)
        before = day
