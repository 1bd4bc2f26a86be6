"""The job after an import: points and tiers, then figures, scores and segments, so that all of them are current.

    FOLLOWING.register("analytics.figures", FollowingStep(_("Figures and segments"), work))  # in extensions

The job has its own progress and may restart at any moment: finished steps are skipped, and each step is idempotent.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from django.db import connection
from django.utils.functional import Promise

from core.base.registry import Registry
from core.events import outbox
from core.jobs.models import Job
from core.jobs.services import Progress, create_job
from core.jobs.waiting import finish_pending
from crm.activity import events as activity_events
from crm.customers import events
from crm.imports.models import ImportRun
from crm.orders import events as orders_events

KIND = "crm.after_import"


@dataclass(frozen=True)
class FollowingStep:
    """Work that follows an import, with the label that the page shows."""

    label: str | Promise
    work: Callable[[ImportRun], None]


FOLLOWING: Registry[FollowingStep] = Registry("step after an import")


def create_following(run: ImportRun) -> Job:
    """Create the job in the transaction that finishes the run, so that a crash in between loses nothing."""
    return create_job(
        kind=KIND, label=run.file_name, created_by=run.created_by, total=1 + len(FOLLOWING), plan={"run": run.pk}
    )


def follow(job: Job, progress: Progress) -> Mapping[str, Any]:
    """Deliver the run's events, then do each registered step. Returns the names of the finished steps."""
    run = ImportRun.objects.get(pk=job.result["run"])
    done: list[str] = list(job.result.get("steps", []))
    steps: list[tuple[str, Callable[[ImportRun], None]]] = [("events", _deliver_events)]
    steps += [(name, step.work) for name, step in FOLLOWING.items()]
    for place, (name, work) in enumerate(steps):
        progress(place, len(steps), force=True)
        if name not in done:
            work(run)
            done.append(name)
            Job.objects.filter(pk=job.pk).update(result={**job.result, "steps": done})
    progress(len(steps), len(steps), force=True)
    return {"steps": done}


def _deliver_events(run: ImportRun) -> None:
    """Deliver the run's pending events here, and wait for those that another worker is handling."""
    finish_pending(
        partial(_pending_handlers, run),
        lambda names: sum(outbox.deliver(name) for name in names),
        subject=f"the events of import {run.pk}",
    )


def _pending_handlers(run: ImportRun) -> list[str]:
    """Return the handlers that still have to handle an event of the run; failed handlers are on the jobs page."""
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT DISTINCT d.handler FROM core_domainevent e JOIN core_eventdelivery d ON d.event_id = e.id
               WHERE e.kind = ANY(%s) AND (e.payload->>'run')::bigint = %s AND e.recorded_at >= %s
                     AND d.dead_at IS NULL AND d.attempts = 0 ORDER BY 1""",
            [
                [
                    orders_events.ORDERS_IMPORTED.kind,
                    events.CUSTOMERS_CHANGED.kind,
                    activity_events.ACTIVITY_RECEIVED.kind,
                ],
                run.pk,
                run.created_at,
            ],
        )
        return [name for (name,) in cursor.fetchall()]
