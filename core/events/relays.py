"""Wake-up of the workers for pending deliveries, without a wait in the request."""

from __future__ import annotations

import atexit
import os
import threading
import time
from collections.abc import Iterable

from django.conf import settings

from core.jobs.queueing import enqueue

RELAY = "core.deliver_events"
# Names of handlers whose events may take minutes (core.events.bus.subscribe).
LONG_HANDLERS: set[str] = set()
GATHER_SECONDS = 0.05


def poke(names: Iterable[str], *, again: bool = False) -> None:
    """Queue one relay task per handler, unless a queued task has not yet started to read.

    The mark of a queued task goes before the task reads, so it sees every row that was committed before the mark was
    checked here. While Redis is unavailable nothing is queued, and the sweep finds the rows later (F4).
    """
    for name in names:
        enqueue(RELAY, name, again=again, queue=queue_of(name))


def queue_of(handler: str) -> str:
    """Return the queue of a handler's relay task.

    Long handlers, such as those for a whole file, have their own worker.
    """
    return settings.LONG_QUEUE if handler in LONG_HANDLERS else settings.CELERY_TASK_DEFAULT_QUEUE


class Gatherer:
    """Collects the wake-ups of many commits: a busy process calls Redis 20 times a second, not once per commit.

    If the process is killed, the sweep finds the collected handlers; at a normal exit they are flushed.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._names: set[str] = set()
        self._wanted = threading.Event()
        self._thread: threading.Thread | None = None

    def add(self, names: Iterable[str]) -> None:
        with self._lock:
            # These handlers are already queued; the next flush sees this commit.
            if self._thread is not None and self._names.issuperset(names):
                return
            self._names.update(names)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="wakeup", daemon=True)
                self._thread.start()
        self._wanted.set()

    def flush(self) -> None:
        with self._lock:
            names, self._names = self._names, set()
        poke(sorted(names))

    def _run(self) -> None:
        while True:
            self._wanted.wait()
            time.sleep(GATHER_SECONDS)
            self._wanted.clear()
            self.flush()


gatherer = Gatherer()
atexit.register(gatherer.flush)
# A forked child has no thread and must drop the parent's names: the parent flushes them.
os.register_at_fork(after_in_child=gatherer.__init__)  # type: ignore[misc]
