"""Queue background tasks after a commit: the one way from a request or a handler to a worker."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import structlog
from celery import current_app
from celery.signals import task_prerun
from django.core.cache import cache
from django.db import transaction

log = structlog.get_logger("liuke.tasks")
# If a queued task is lost, the same one can be queued again after this time.
QUEUED_SECONDS = 15


def enqueue_after_commit(task: str, *arguments: Any, seconds: int = QUEUED_SECONDS) -> None:
    """Queue the named task with these arguments after the commit, unless the same call is queued and has not begun.

    Without Redis nothing is queued, and the timetable finds the work later (F4).
    """
    transaction.on_commit(lambda: enqueue(task, *arguments, seconds=seconds), robust=True)


def enqueue(
    task: str, *arguments: Any, seconds: int = QUEUED_SECONDS, again: bool = False, queue: str | None = None
) -> None:
    """Queue the named task now, unless the same call is queued and has not begun.

    `again` queues it in any case: for sweeps, which look for calls that were lost. `queue` replaces the task's own
    queue.
    """
    mark = queued_mark(task, arguments)
    try:
        if again:
            cache.set(mark, 1, seconds)
        if again or cache.add(mark, 1, seconds):
            current_app.send_task(task, arguments, retry=False, queue=queue)
    except Exception as error:
        log.warning("task_not_queued", task=task, arguments=arguments, error=str(error)[:200])


def queued_mark(task: str, arguments: Sequence[Any]) -> str:
    """Return the cache key that says that this call is queued."""
    return ":".join(["queued", task, *map(str, arguments)])


@task_prerun.connect(weak=False)
def _begun(task: Any = None, args: Sequence[Any] = (), **_signal: Any) -> None:
    # The mark goes before the task looks: work that is committed later queues the task again.
    try:
        cache.delete(queued_mark(task.name, args))
    except Exception as error:
        log.warning("queued_mark_kept", task=task.name, error=str(error)[:200])
