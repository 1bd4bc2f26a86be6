"""The end of a command that brings something in: what follows is done before it says so."""

from __future__ import annotations

import time

from django.core.management.base import CommandError, OutputWrapper

from core.models import JobState
from core.services import outbox
from core.services.jobs import run_job
from crm.models import ImportRun


def finish(run: ImportRun, out: OutputWrapper) -> None:
    """Hand out events, then bring figures, scores and segments up to date. Raises CommandError when that fails."""
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
    # Those who entered a segment by it, and what that leads to.
    outbox.deliver_all()
    out.write(f"Figures, scores and segments: up to date after {time.monotonic() - began:.1f} s.")
