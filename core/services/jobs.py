"""Long work with progress: started by a person, run by a worker, watched on the jobs page.

Progress is written on a connection of its own, because the work itself is often one long transaction.
"""

from __future__ import annotations

import time
from typing import Any

from django.db import connections, transaction
from django.db.models.functions import Now

from core.models import Job, JobState

REPORT_EVERY = 0.5


class Progress:
    """Counts what is done and says so at most twice a second, outside the caller's transaction."""

    def __init__(self, job: Job | None) -> None:
        self.job = job
        self._last = 0.0

    def __call__(self, done: int, total: int | None = None, *, force: bool = False) -> None:
        if self.job is None or (not force and time.monotonic() - self._last < REPORT_EVERY):
            return
        self._last = time.monotonic()
        params: list[Any] = [done, total, self.job.pk]
        side = connections["default"].copy()
        try:
            with side.cursor() as cursor:
                cursor.execute(
                    """UPDATE core_job SET done_count = %s, total_count = coalesce(%s, total_count),
                              heartbeat_at = clock_timestamp() WHERE id = %s""",
                    params,
                )
        finally:
            side.close()


def create_job(*, kind: str, label: str = "", created_by=None, total: int = 0) -> Job:
    return Job.objects.create(kind=kind, label=label, created_by=created_by, total_count=total)


def start_job(job: Job) -> None:
    Job.objects.filter(pk=job.pk).update(
        state=JobState.RUNNING, started_at=Now(), heartbeat_at=Now(), attempts=job.attempts + 1, error="", done_count=0
    )
    job.refresh_from_db()


def finish_job(job: Job, result: dict[str, Any]) -> None:
    Job.objects.filter(pk=job.pk).update(state=JobState.DONE, finished_at=Now(), heartbeat_at=Now(), result=result)
    job.refresh_from_db()


def fail_job(job: Job, error: str) -> None:
    with transaction.atomic():
        Job.objects.filter(pk=job.pk).update(state=JobState.FAILED, finished_at=Now(), error=error[:4000])
    job.refresh_from_db()
