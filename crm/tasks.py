"""Tasks of the floor of customers and orders."""

from celery import shared_task

from core import clock
from core.actor import SYSTEM, Actor
from crm.models import ImportRun
from crm.services import activity, imports


@shared_task(name="crm.run_import", bind=True, max_retries=30)
def run_import(self, run_id: int) -> None:
    run = ImportRun.objects.filter(pk=run_id).select_related("created_by", "job").first()
    if run is None:
        return
    actor = Actor("user", run.created_by_id, run.created_by.get_username()) if run.created_by else SYSTEM
    try:
        imports.run_import(run=run, actor=actor)
    except imports.Busy as busy:
        raise self.retry(exc=busy, countdown=30) from None


@shared_task(name="crm.restart_imports")
def restart_imports() -> list[int]:
    """Imports whose worker or database session ended in the middle."""
    return imports.restart_lost_imports()


@shared_task(name="crm.drop_stale_uploads")
def drop_stale_uploads() -> int:
    return imports.drop_stale_uploads()


@shared_task(name="crm.make_activity_partitions")
def make_activity_partitions() -> int:
    """This month and the three that follow, made before anyone writes into them."""
    return activity.make_partitions(first=clock.now().date(), months=4)
