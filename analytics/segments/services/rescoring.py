"""The computation of everyone after a new scoring version, as a job with progress."""

from __future__ import annotations

from typing import Any

from analytics.features.services import features
from analytics.segments.services import runs
from core.jobs import services as jobs
from core.jobs.models import Job

STEPS = 3


def rescore(job: Job, progress: jobs.Progress) -> dict[str, Any]:
    """Compute all figures, then the segments. Idempotent: it starts from the facts."""
    progress(0, STEPS, force=True)
    written = features.refresh_everything(wait=True, report=lambda done: progress(done, STEPS, force=True))
    runs.compute_segments()
    progress(STEPS, STEPS, force=True)
    return {"written": written}
