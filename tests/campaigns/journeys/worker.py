"""Run a worker of journeys in a process of its own, for tests that kill it.

`python -m tests.campaigns.journeys.worker` polls for due work, as Celery's task does, until nothing has been due for a
while.
"""

from __future__ import annotations

import os
import sys
import time

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.base")


def work(chunk: int, lease: int, patience: float) -> None:
    from django.conf import settings

    from campaigns.journeys.models import JourneyRun
    from campaigns.journeys.services.engine import advance_due

    settings.JOURNEY_LEASE_SECONDS = lease
    idle = time.monotonic()
    while time.monotonic() - idle < patience:
        if advance_due(seconds=5, chunk=chunk):
            idle = time.monotonic()
        elif not JourneyRun.objects.filter(state="active").exists():
            return
        else:
            time.sleep(0.1)


if __name__ == "__main__":
    import django

    django.setup()
    work(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]))
