"""Background tasks of sending."""

from celery import shared_task

from core.sending import services as sending_hold


@shared_task(name="core.notice_restore")
def notice_restore() -> str:
    """Detect an older copy of the database under running workers, and mark its due work as uncertain."""
    cause = sending_hold.notice_restore()
    sending_hold.doubt_due()
    return cause
