from functools import partial

import structlog
from celery import shared_task
from django.core.cache import cache
from django.db import transaction

from analytics.services import features, list_uploads, segments

log = structlog.get_logger("liuke.segments")
QUEUED_SECONDS = 300


@shared_task(name="analytics.refresh_changed")
def refresh_changed() -> int:
    """Every few seconds: until nobody is marked, so that a big import is carried on at once."""
    total = 0
    while count := segments.refresh_changed():
        total += count
    return total


@shared_task(name="analytics.refresh_everything")
def refresh_everything() -> int:
    """Nightly: windows and scores move with time."""
    written = features.refresh_everything()
    segments.compute_segments()
    return written


@shared_task(name="analytics.refresh_time_based_segments")
def refresh_time_based_segments() -> list[int]:
    """Hourly: rules whose answer changes with nothing but time, and whatever failed or was never computed."""
    return segments.compute_segments(segments.due_segments())


@shared_task(name="analytics.compute_segment")
def compute_segment(segment_id: int) -> list[int]:
    cache.delete(f"segment-queued:{segment_id}")
    return segments.compute_segments([segment_id])


@shared_task(name="analytics.drop_old_uploads")
def drop_old_uploads() -> int:
    return list_uploads.drop_old_uploads()


def compute_soon(segment_id: int) -> None:
    """After the commit, have it computed at once. Many calls are one; when the queue is away the hourly run finds it (F4)."""
    transaction.on_commit(partial(_enqueue, segment_id), robust=True)


def _enqueue(segment_id: int) -> None:
    try:
        if cache.add(f"segment-queued:{segment_id}", 1, QUEUED_SECONDS):
            compute_segment.apply_async((segment_id,), retry=False)
    except Exception as error:
        log.warning("segment_not_queued", segment=segment_id, error=str(error)[:300])
