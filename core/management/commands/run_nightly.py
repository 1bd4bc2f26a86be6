"""Run the nightly jobs now, one after the other: `manage.py run_nightly`."""

import sys
import time
from collections.abc import Iterator
from typing import Any

from celery import current_app
from celery.schedules import crontab
from django.core.management.base import BaseCommand


class Command(BaseCommand):
    help = "Run the nightly jobs now, in the order of their hours. Exit with 1 when one failed."

    def handle(self, **_options: Any) -> None:
        failed = 0
        for name, task in nightly_jobs():
            began = time.monotonic()
            try:
                current_app.tasks[task]()
                outcome = "done"
            except Exception as error:
                failed += 1
                outcome = f"FAILED: {type(error).__name__}: {error}"
            self.stdout.write(f"{name} ({task}): {outcome}, {time.monotonic() - began:.1f} s")
        if failed:
            self.stderr.write(f"{failed} of the nightly jobs failed.")
            sys.exit(1)


def nightly_jobs() -> Iterator[tuple[str, str]]:
    """Yield (name, task) of the jobs that run at an hour of the night, the earliest first."""
    current_app.loader.import_default_modules()
    timed = []
    for name, entry in current_app.conf.beat_schedule.items():
        if isinstance(entry["schedule"], crontab):
            timetable: Any = vars(entry["schedule"])
            hour, minute = min(timetable["hour"]), min(timetable["minute"])
            timed.append((hour, minute, name, entry["task"]))
    for _hour, _minute, name, task in sorted(timed):
        yield name, task
