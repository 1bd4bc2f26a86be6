"""Scheduled tasks of the reports on campaigns."""

from __future__ import annotations

from celery import shared_task

from campaigns.reports.selectors.figures import keep_newest


@shared_task(name="campaigns.keep_results")
def keep_results() -> int:
    return keep_newest()
