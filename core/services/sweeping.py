"""Sweeps go on past rows that fail: each is tried by itself, what fails is shown on the jobs page and tried again later.

    sweep = Sweep("loyalty.sweep_holds")
    for hold in due(but_not=sweep.waiting):
        sweep.attempt(hold, lambda: expire(hold))

A failed row is a failed job of the sweep's name. It is tried again after a minute, then 2, 4 ... up to six hours, and its
job is done when that goes well. Until then the sweep leaves it out, so that it is never in front of the others.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import TypeVar

import structlog
from django.db import connection

from core import clock
from core.db import is_interruption
from core.models import Job, JobState

log = structlog.get_logger("liuke.sweeps")
FIRST_RETRY = timedelta(minutes=1)
LAST_RETRY = timedelta(hours=6)
MOST_FAILING = 1000
Found = TypeVar("Found")
Row = object


class Sweep:
    """One run of a sweep. `waiting` are the rows that failed and are not due again, as text."""

    def __init__(self, name: str) -> None:
        self.name = name
        now = clock.now()
        jobs = Job.objects.filter(kind=name, state=JobState.FAILED)
        self._failing = {job.label: job for job in jobs}
        self.waiting = {row for row, job in self._failing.items() if _retry_at(job) > now}
        self._seen = len(self.waiting)

    def attempt(self, row: Row, work: Callable[[], Found]) -> Found | None:
        """Do `work`, which is a transaction of its own, for one row. None when it failed.

        Raises when the database is away, or when so many rows fail that it can't be the rows.
        """
        try:
            found = work()
        except Exception as error:
            if is_interruption(error) or not connection.is_usable():
                raise
            self.failed(row, error)
            return None
        if str(row) in self._failing:
            self._mended(str(row))
        return found

    def attempt_all(self, rows: Sequence[Row], work: Callable[[Sequence], Found]) -> list[Found]:
        """Do `work` for all rows at once; when that fails, for each by itself. Returns what went well."""
        try:
            return [work(rows)]
        except Exception as error:
            if is_interruption(error) or not connection.is_usable():
                raise
            log.warning("sweep_one_by_one", sweep=self.name, rows=len(rows), error=str(error)[:300])
        done = []
        for row in rows:
            found = self.attempt(row, lambda row=row: work([row]))  # type: ignore[misc]
            if found is not None:
                done.append(found)
        return done

    def went_on(self) -> bool:
        """Whether rows failed since this was last asked: they are left out from now on, and others come up behind them."""
        before, self._seen = self._seen, len(self.waiting)
        return self._seen > before

    def failed(self, row: Row, error: Exception) -> None:
        """Record that a row failed, and when it is due again."""
        label, said = str(row)[:200], f"{type(error).__name__}: {error}"[:4000].replace("\x00", "")
        log.error("sweep_row_failed", sweep=self.name, row=label, error=said[:300])
        job = self._failing.get(label)
        if job is None:
            if len(self._failing) >= MOST_FAILING:
                raise error
            job = Job(kind=self.name, label=label, created_at=clock.now(), started_at=clock.now())
        retry_at = clock.now() + min(LAST_RETRY, FIRST_RETRY * 2 ** min(job.attempts, 10))
        job.attempts = min(job.attempts + 1, 30_000)
        job.state, job.error, job.finished_at = JobState.FAILED, said, clock.now()
        job.result = {"retry_at": retry_at.isoformat()}
        job.save()
        self._failing[label] = job
        self.waiting.add(label)

    def _mended(self, label: str) -> None:
        job = self._failing.pop(label)
        job.state, job.error, job.finished_at, job.result = JobState.DONE, "", clock.now(), {}
        job.save()


def _retry_at(job: Job) -> datetime:
    return datetime.fromisoformat(job.result["retry_at"])
