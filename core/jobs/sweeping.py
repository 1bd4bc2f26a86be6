"""Sweeps that continue after failed rows: a failed row is shown on the jobs page and retried later.

    sweep = Sweep("loyalty.sweep_holds")
    for hold in due(but_not=sweep.waiting):
        sweep.attempt(hold, lambda: expire(hold))

A failed row becomes a failed job of the sweep's name. It is retried after a minute, then 2, 4 ... up to six hours; its
job is done after a success. Until a retry is due the sweep skips the row, so that it never blocks the others.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import TypeVar

import structlog
from django.db import connection

from core.base import clock
from core.db.functions import is_interruption
from core.jobs.models import Job, JobState

log = structlog.get_logger("liuke.sweeps")
FIRST_RETRY = timedelta(minutes=1)
LAST_RETRY = timedelta(hours=6)
MOST_FAILING = 1000
Work = TypeVar("Work")
Row = object


class Sweep:
    """One run of a sweep. `waiting` holds the failed rows whose retry is not due, as text."""

    def __init__(self, name: str) -> None:
        self.name = name
        now = clock.now()
        jobs = Job.objects.filter(kind=name, state=JobState.FAILED)
        self._failing = {job.label: job for job in jobs}
        self.waiting = {row for row, job in self._failing.items() if _retry_at(job) > now}
        self._seen = len(self.waiting)

    def attempt(self, row: Row, work: Callable[[], Work]) -> Work | None:
        """Run `work`, which is its own transaction, for one row. Return None when it failed.

        Raises when the database is unavailable, or when so many rows fail that the cause can't be in the rows.
        """
        try:
            result = work()
        except Exception as error:
            if is_interruption(error) or not connection.is_usable():
                raise
            self.failed(row, error)
            return None
        if str(row) in self._failing:
            self._mended(str(row))
        return result

    def attempt_all(self, rows: Sequence[Row], work: Callable[[Sequence], Work]) -> list[Work]:
        """Run `work` for all rows at once; if that fails, for each row separately. Return the results."""
        try:
            return [work(rows)]
        except Exception as error:
            if is_interruption(error) or not connection.is_usable():
                raise
            log.warning("sweep_one_by_one", sweep=self.name, rows=len(rows), error=str(error)[:300])
        done = []
        for row in rows:
            result = self.attempt(row, lambda row=row: work([row]))  # type: ignore[misc]
            if result is not None:
                done.append(result)
        return done

    def went_on(self) -> bool:
        """Return whether rows failed since the last call.

        The sweep now skips them, so the next query finds other rows.
        """
        before, self._seen = self._seen, len(self.waiting)
        return self._seen > before

    def failed(self, row: Row, error: Exception) -> None:
        """Record a failed row and the time of its retry."""
        label, message = str(row)[:200], f"{type(error).__name__}: {error}"[:4000].replace("\x00", "")
        log.error("sweep_row_failed", sweep=self.name, row=label, error=message[:300])
        job = self._failing.get(label)
        if job is None:
            if len(self._failing) >= MOST_FAILING:
                raise error
            job = Job(kind=self.name, label=label, created_at=clock.now(), started_at=clock.now())
        retry_at = clock.now() + min(LAST_RETRY, FIRST_RETRY * 2 ** min(job.attempts, 10))
        job.attempts = min(job.attempts + 1, 30_000)
        job.state, job.error, job.finished_at = JobState.FAILED, message, clock.now()
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
