"""Background tasks of care rules."""

from __future__ import annotations

from celery import shared_task

from campaigns.care.services import runs as care_runs
from core.jobs.queueing import enqueue


@shared_task(name="campaigns.run_care_rules")
def run_care_rules() -> dict[int, int]:
    counts = care_runs.run_care_rules()
    for segment in care_runs.awaited_segments():
        enqueue("analytics.compute_segment", segment, seconds=300)
    if any(counts.values()):
        enqueue("campaigns.send_due")
    return counts
