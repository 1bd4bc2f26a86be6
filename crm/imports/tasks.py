"""Celery tasks of imports and activity partitions."""

import contextlib

from celery import shared_task

from core.base.actor import SYSTEM, Actor
from core.jobs.queueing import enqueue_after_commit
from crm.imports.models import ImportRun
from crm.imports.services import running as imports


@shared_task(name="crm.run_import")
def run_import(run_id: int) -> None:
    run = ImportRun.objects.filter(pk=run_id).select_related("created_by", "job").first()
    if run is None:
        return
    actor = Actor("user", run.created_by_id, run.created_by.get_username()) if run.created_by else SYSTEM
    # When another worker is applying the import, that worker finishes it; if it is lost, the sweep queues it again.
    with contextlib.suppress(imports.Busy):
        done = imports.run_import(run=run, actor=actor, wait=1)
        if done.following is not None:
            enqueue_after_commit("core.run_job", done.following.pk)


@shared_task(name="crm.restart_imports")
def restart_imports() -> list[int]:
    """Queue the imports again whose worker or database session was lost."""
    return imports.restart_lost_imports()


@shared_task(name="crm.drop_stale_uploads")
def drop_stale_uploads() -> int:
    return imports.drop_stale_uploads()
