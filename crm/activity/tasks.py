"""Background tasks of activity."""

from celery import shared_task

from core.base import clock
from crm.activity.services import activity


@shared_task(name="crm.make_activity_partitions")
def make_activity_partitions() -> int:
    """Make the partitions of this month and the next three before any event is written to them."""
    return activity.make_partitions(first=clock.now().date(), months=4)
