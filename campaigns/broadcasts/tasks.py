"""Background tasks of broadcasts."""

from __future__ import annotations

from celery import shared_task

from campaigns.broadcasts.services import runs as broadcast_runs
from core.jobs.queueing import enqueue


@shared_task(name="campaigns.run_broadcasts")
def run_broadcasts() -> dict[str, int]:
    counts = broadcast_runs.run_broadcasts()
    for segment in broadcast_runs.awaited_segments():
        enqueue("analytics.compute_segment", segment, seconds=300)
    if counts["made"] or counts["resumed"]:
        enqueue("campaigns.send_due")
    return counts
