"""Telling the workers that something is owed, without a request waiting for it."""

from __future__ import annotations

import atexit
import os
import threading
import time
from collections.abc import Iterable

import structlog
from celery import current_app
from django.conf import settings
from django.core.cache import cache

log = structlog.get_logger("liuke.outbox")
POKE_SECONDS = 15
# Names of handlers whose events may take minutes (core.events.subscribe).
LONG_HANDLERS: set[str] = set()
GATHER_SECONDS = 0.05


def poke(names: Iterable[str]) -> None:
    """Queue one relay task per handler unless one is queued already and has not begun to look.

    The relay removes its mark before it looks, so whatever was committed before the mark was found is seen. When
    Redis is away nothing is queued and the sweep finds the rows later (F4).
    """
    for name in names:
        try:
            if cache.add(mark_of(name), 1, POKE_SECONDS):
                current_app.send_task("core.deliver_events", [name], retry=False, queue=queue_of(name))
        except Exception as error:
            log.warning("relay_not_woken", handler=name, error=str(error))


def queue_of(handler: str) -> str:
    """Return the queue of a handler's relay task: events that stand for a whole file have a worker of their own."""
    return settings.LONG_QUEUE if handler in LONG_HANDLERS else settings.CELERY_TASK_DEFAULT_QUEUE


class Gatherer:
    """Pokes for many commits at once: a busy process looks into Redis 20 times a second, not once a commit.

    What it holds when its process is killed is found by the sweep; when the process ends in order it is poked.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._names: set[str] = set()
        self._wanted = threading.Event()
        self._thread: threading.Thread | None = None

    def add(self, names: Iterable[str]) -> None:
        with self._lock:
            # Whoever waits to be poked is poked for this commit too: it is before the names are taken.
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
# A forked child has neither the thread nor a right to the parent's names: the parent pokes for them.
os.register_at_fork(after_in_child=gatherer.__init__)  # type: ignore[misc]


def mark_of(name: str) -> str:
    return f"relay:{name}"
