"""Tasks of the floor of customers and orders."""

import contextlib

from celery import shared_task

from core import clock
from core.actor import SYSTEM, Actor
from core.tasks import start_job
from crm.models import ImportRun
from crm.services import activity, imports


@shared_task(name="crm.run_import")
def run_import(run_id: int) -> None:
    run = ImportRun.objects.filter(pk=run_id).select_related("created_by", "job").first()
    if run is None:
        return
    actor = Actor("user", run.created_by_id, run.created_by.get_username()) if run.created_by else SYSTEM
    # Another worker that applies it finishes it; if that one is lost, the sweep queues it again.
    with contextlib.suppress(imports.Busy):
        done = imports.run_import(run=run, actor=actor, wait=1)
        if done.following is not None:
            start_job(done.following)


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
