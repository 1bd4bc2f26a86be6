"""The last step of commands that import: run the follow-up work before the command reports success."""

from __future__ import annotations

import time

from django.core.management.base import CommandError, OutputWrapper

from core.events import outbox
from core.jobs.models import JobState
from core.jobs.services import run_job
from crm.imports.models import ImportRun


def finish(run: ImportRun, out: OutputWrapper) -> None:
    """Deliver events, then update figures, scores and segments. Raises CommandError when that fails."""
    began = time.monotonic()
    handled = outbox.deliver_all()
    out.write(f"Points and tiers: {handled} deliveries in {time.monotonic() - began:.1f} s.")
    if run.following is None:
        return
    began = time.monotonic()
    try:
        job = run_job(run.following)
    except Exception as error:
        raise CommandError(f"The rows are in; figures and segments are not up to date: {error}") from error
    if job.state != JobState.DONE:
        raise CommandError(f"The rows are in; figures and segments are not up to date: {job.error}")
    # Deliver the events of customers who entered a segment through the update, and everything that follows from them.
    outbox.deliver_all()
    out.write(f"Figures, scores and segments: up to date after {time.monotonic() - began:.1f} s.")
