"""Run a worker that sends due messages in a process of its own, for tests that kill it.

`python -m tests.campaigns.messages.worker BATCH`
"""

from __future__ import annotations

import os
import sys
import time

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.base")

if __name__ == "__main__":
    import django

    django.setup()
    from campaigns.messages.services import messages

    while True:
        if not messages.send_due(seconds=5, batch=int(sys.argv[1])):
            time.sleep(0.1)
