"""Queue of segments to compute soon."""

from __future__ import annotations

from functools import partial

import structlog
from celery import current_app
from django.core.cache import cache
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from analytics.models import Segment
from core.errors import Conflict

log = structlog.get_logger("liuke.segments")
QUEUED_SECONDS = 300


def compute_soon(segment_id: int) -> None:
    """Queue the computation for the commit of the transaction. Repeated calls queue it once.

    When the queue is away, the hourly run computes the segment (F4).
    """
    transaction.on_commit(partial(_enqueue, segment_id), robust=True)


def queued_mark(segment_id: int) -> str:
    return f"segment-queued:{segment_id}"


def _enqueue(segment_id: int) -> None:
    try:
        if cache.add(queued_mark(segment_id), 1, QUEUED_SECONDS):
            current_app.send_task("analytics.compute_segment", (segment_id,), retry=False)
    except Exception as error:
        log.warning("segment_not_queued", segment=segment_id, error=str(error)[:300])


def require_computed(segment: Segment | None) -> None:
    """Raise Conflict `segment_not_computed` when the members of a segment are not known yet."""
    if segment is not None and not segment.is_current:
        text = (
            _("“%(name)s” could not be computed. Its page says why.")
            if segment.error
            else _("“%(name)s” is being computed. Try again in a minute.")
        )
        raise Conflict(
            text % {"name": segment.name},
            code="segment_not_computed",
            field="segment",
        )
