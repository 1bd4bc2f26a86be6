"""Background tasks of notices."""

from celery import shared_task

from core.notices import services as notices


@shared_task(name="core.drop_old_notices")
def drop_old_notices() -> int:
    return notices.drop_old()
