"""The Celery application.

Tasks are found in the `tasks` module of each subject; the timetable is in `config.schedules`.
"""

import os
from logging.config import dictConfig
from pathlib import Path

from celery import Celery
from celery.signals import (
    beat_init,
    celeryd_init,
    setup_logging,
    worker_init,
    worker_process_init,
    worker_ready,
)
from django.conf import settings
from django.db import connections

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.base")

from config.schedules import SCHEDULE, work_left_behind
from core import embedded

app = Celery("liuke")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.conf.beat_schedule = SCHEDULE


def task_packages() -> list[str]:
    """Return the subject packages that have a `tasks` module, such as core.jobs and loyalty.tiers."""
    root = Path(__file__).resolve().parents[1]
    return [
        ".".join(module.parent.relative_to(root).parts)
        for name in settings.OUR_APPS
        for module in sorted((root / name).glob("*/tasks.py"))
    ]


app.autodiscover_tasks(task_packages)


@celeryd_init.connect
@beat_init.connect
def _attach_to_servers(**_: object) -> None:
    embedded.attach()


@worker_init.connect
@beat_init.connect
def _check_database(**_: object) -> None:
    """Check keys and database after Celery has set up Django. A worker with wrong keys exits."""
    # It imports models, which Celery makes available after it has imported this module.
    from core.processes import startup  # noqa: PLC0415

    startup.check_or_exit()


@worker_ready.connect
def _look_for_work_left_behind(**_: object) -> None:
    """Look at once for the work of a worker that was killed: the next scheduled look may be 10 seconds away (F1)."""
    for entry in work_left_behind():
        app.send_task(entry["task"], **entry["options"])


@setup_logging.connect
def _use_django_logging(**_: object) -> None:
    """Keep the log format that web and worker share; Celery would replace it."""
    dictConfig(settings.LOGGING)


@worker_process_init.connect
def _drop_inherited_connections(**_: object) -> None:
    connections.close_all()
