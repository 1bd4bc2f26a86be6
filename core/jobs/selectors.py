"""Queries of the jobs page: jobs with progress, and pending deliveries of the outbox."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from django.db import connection
from django.db.models import Count, Q, QuerySet

from core.base import clock
from core.events.models import EventDelivery
from core.jobs.models import Job, JobState

FAILED_DAYS = 7


@dataclass(frozen=True)
class HandlerBacklog:
    """Pending deliveries of one handler. `lag`: seconds by which the oldest due delivery is late."""

    handler: str
    owed: int
    lag: int
    retrying: int
    dead: int
    last_error: str


def backlogs() -> list[HandlerBacklog]:
    """Return every handler with pending or dead deliveries; handlers with dead ones come first."""
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT d.handler, count(*) FILTER (WHERE dead_at IS NULL),
                      coalesce(extract(epoch FROM now() - min(due_at) FILTER (WHERE dead_at IS NULL)), 0)::bigint,
                      count(*) FILTER (WHERE dead_at IS NULL AND attempts > 0),
                      count(*) FILTER (WHERE dead_at IS NOT NULL),
                      (SELECT e.last_error FROM core_eventdelivery e
                       WHERE e.handler = d.handler AND e.last_error <> '' ORDER BY e.id DESC LIMIT 1)
               FROM core_eventdelivery d GROUP BY d.handler ORDER BY 5 DESC, 3 DESC, 1"""
        )
        return [
            HandlerBacklog(handler, owed, max(lag, 0), retrying, dead, error or "")
            for handler, owed, lag, retrying, dead, error in cursor.fetchall()
        ]


def dead_deliveries(handler: str, limit: int = 10_000) -> list[int]:
    rows = EventDelivery.objects.filter(handler=handler, dead_at__isnull=False)
    return list(rows.order_by("pk").values_list("pk", flat=True)[:limit])


def jobs(state: str = "") -> QuerySet[Job]:
    """Return all jobs, or those of a state; failed ones of the last seven days."""
    rows = Job.objects.select_related("created_by")
    if state == JobState.FAILED:
        return rows.filter(state=state, created_at__gte=clock.now() - timedelta(days=FAILED_DAYS))
    return rows.filter(state=state) if state in JobState.values else rows


@dataclass(frozen=True)
class OpenCounts:
    running: int
    queued: int
    failed: int
    given_up: int


def open_counts() -> OpenCounts:
    """Count the jobs that run, wait, or failed in the last seven days, and the deliveries that were given up."""
    since = clock.now() - timedelta(days=FAILED_DAYS)
    counts = Job.objects.filter(Q(state__in=[JobState.QUEUED, JobState.RUNNING]) | Q(created_at__gte=since)).aggregate(
        running=Count("pk", filter=Q(state=JobState.RUNNING)),
        queued=Count("pk", filter=Q(state=JobState.QUEUED)),
        failed=Count("pk", filter=Q(state=JobState.FAILED, created_at__gte=since)),
    )
    return OpenCounts(**counts, given_up=EventDelivery.objects.filter(dead_at__isnull=False).count())
