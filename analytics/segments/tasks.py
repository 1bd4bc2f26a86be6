"""Background tasks of segments."""

from celery import shared_task

from analytics.features.services import features
from analytics.segments.services import list_uploads
from analytics.segments.services import runs as segments


@shared_task(name="analytics.refresh_changed")
def refresh_changed() -> int:
    """Run every few seconds until no customer is marked, so that a large import is processed at once."""
    total = 0
    while count := segments.refresh_changed():
        total += count
    return total


@shared_task(name="analytics.refresh_everything")
def refresh_everything() -> int:
    """Run nightly, because windows and scores move with time."""
    written = features.refresh_everything()
    segments.compute_segments()
    return written


@shared_task(name="analytics.refresh_time_based_segments")
def refresh_time_based_segments() -> list[int]:
    """Run hourly: compute time-based rules, and segments that failed or were never computed."""
    return segments.compute_segments(segments.due_segments())


@shared_task(name="analytics.compute_segment")
def compute_segment(segment_id: int) -> list[int]:
    return segments.compute_segments([segment_id])


@shared_task(name="analytics.drop_old_uploads")
def drop_old_uploads() -> int:
    return list_uploads.drop_old_uploads()
