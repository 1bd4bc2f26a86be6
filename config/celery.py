"""The Celery application. Tasks are found in each app's `tasks` module; the timetable is in `config.schedules`."""

import os

from celery import Celery
from celery.signals import beat_init, celeryd_init, setup_logging, worker_process_init

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.base")

from config.schedules import SCHEDULE
from core import embedded

app = Celery("liuke")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.conf.beat_schedule = SCHEDULE
app.autodiscover_tasks()


@celeryd_init.connect
@beat_init.connect
def _attach_to_servers(**_: object) -> None:
    embedded.attach()


@setup_logging.connect
def _use_django_logging(**_: object) -> None:
    """Celery would otherwise replace the log format that web and worker share."""
    from logging.config import dictConfig

    from django.conf import settings

    dictConfig(settings.LOGGING)


@worker_process_init.connect
def _drop_inherited_connections(**_: object) -> None:
    from django.db import connections

    connections.close_all()
