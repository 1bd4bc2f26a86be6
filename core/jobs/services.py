"""Long work with progress: started by a person, run by a worker, watched on the jobs page.

    WORK.register("crm.tag_customers", tag_everyone)              # in the app's extensions
    tasks.start_job(create_job(kind="crm.tag_customers", plan={"tag": "vip"}, total=12_000))

The work function gets its job, whose `result` holds the plan, and returns values to add to it. It may start again after
a crash, or run in two workers at once, so it must be idempotent. A job that is done never changes.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Mapping
from typing import Any

from django.db import DatabaseError, connection, connections, transaction
from django.db.models import QuerySet
from django.db.models.functions import Now

from core.base.actor import RequestUser
from core.base.registry import Registry
from core.db import functions as db
from core.jobs.models import Job, JobState

REPORT_EVERY = 0.5
ATTEMPTS = 10
GIVEN_UP = "The worker process ended %d times before the job finished."
# A running job is checked soon, because its lock shows whether a worker has it; a queued one may wait behind others.
_LOST = """((state = 'running' AND coalesce(heartbeat_at, created_at) < clock_timestamp() - interval '10 seconds')
            OR (state = 'queued' AND created_at < clock_timestamp() - interval '5 minutes'))"""


class Progress:
    """A counter that writes the progress of a job at most twice a second.

    It writes on its own connection, because the work itself is often one long transaction.
    """

    def __init__(self, job: Job | None) -> None:
        self.job = job
        self._last = 0.0

    def __call__(self, done: int, total: int | None = None, *, force: bool = False) -> None:
        """Save the progress, at most every REPORT_EVERY seconds unless `force`d, through a connection of its own."""
        if self.job is None or (not force and time.monotonic() - self._last < REPORT_EVERY):
            return
        self._last = time.monotonic()
        params: list[Any] = [done, total, self.job.pk]
        side = connections["default"].copy()
        try:
            with side.cursor() as cursor:
                cursor.execute(
                    """UPDATE core_job SET done_count = %s, total_count = coalesce(%s, total_count),
                              heartbeat_at = clock_timestamp() WHERE id = %s AND state = 'running'""",
                    params,
                )
        finally:
            side.close()


Work = Callable[[Job, Progress], Mapping[str, Any]]
WORK: Registry[Work] = Registry("job kind")


def create_job(
    *,
    kind: str,
    label: str = "",
    created_by: RequestUser | None = None,
    total: int = 0,
    plan: Mapping[str, Any] | None = None,
) -> Job:
    """Create a queued job."""
    return Job.objects.create(kind=kind, label=label, created_by=created_by, total_count=total, result=dict(plan or {}))


def run_job(job: Job) -> Job:
    """Run a job; the work continues after an earlier attempt if it can. Idempotent, also in two workers at once."""
    held = db.hold_name(_name_of(job.pk))
    try:
        if not start_job(job):
            return job
        result = WORK[job.kind](job, Progress(job))
        finish_job(job, {**job.result, **result})
    except Exception as error:
        # The loss of the database is no fault of the work: the job stays open, and `lost_jobs` finds it.
        if not db.is_interruption(error) or job.attempts >= ATTEMPTS:
            fail_job(job, f"{type(error).__name__}: {error}")
        raise
    finally:
        if held:
            with contextlib.suppress(DatabaseError):
                db.release_name(_name_of(job.pk))
    return job


def lost_jobs() -> list[int]:
    """Return open jobs without a worker: the process or its database session ended, or no worker ever started the job.

    A job that was lost `ATTEMPTS` times fails here, because it may be the cause that its workers end.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            f"""SELECT id, attempts >= %s FROM core_job j
                WHERE kind = ANY(%s) AND {_LOST} AND NOT {db.IS_HELD.format(name="'job:' || j.id")} ORDER BY id""",  # noqa: S608 - constant fragments
            [ATTEMPTS, WORK.names()],
        )
        lost = cursor.fetchall()
    for pk, exhausted in lost:
        if exhausted:
            fail_job(Job(pk=pk), GIVEN_UP % ATTEMPTS)
    return [pk for pk, exhausted in lost if not exhausted]


def start_job(job: Job) -> bool:
    """Mark a job as running. Return False when it is already done."""
    started = _unless_done(job).update(
        state=JobState.RUNNING, started_at=Now(), heartbeat_at=Now(), attempts=job.attempts + 1, error="", done_count=0
    )
    job.refresh_from_db()
    return bool(started)


def finish_job(job: Job, result: Mapping[str, Any]) -> None:
    """Mark a job as done, unless it already is, with its result."""
    _unless_done(job).update(state=JobState.DONE, finished_at=Now(), heartbeat_at=Now(), error="", result=result)
    job.refresh_from_db()


def fail_job(job: Job, error: str) -> None:
    """Mark a job as failed, unless it is done."""
    with transaction.atomic():
        _unless_done(job).update(state=JobState.FAILED, finished_at=Now(), error=error[:4000])
    job.refresh_from_db()


def _name_of(job_id: int) -> str:
    return f"job:{job_id}"


def _unless_done(job: Job) -> QuerySet[Job]:
    return Job.objects.filter(pk=job.pk).exclude(state=JobState.DONE)
