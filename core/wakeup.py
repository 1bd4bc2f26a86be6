"""Telling the workers that something is owed, at the cost of one look into Redis."""

from __future__ import annotations

from collections.abc import Iterable

import structlog
from celery import current_app
from django.core.cache import cache

log = structlog.get_logger("liuke.outbox")
POKE_SECONDS = 15


def poke(names: Iterable[str]) -> None:
    """Queue one relay task per handler unless one is queued already and has not begun to look.

    The relay removes its mark before it looks, so whatever was committed before the mark was found is seen. When
    Redis is away nothing is queued and the sweep finds the rows later (F4).
    """
    for name in names:
        try:
            if cache.add(mark_of(name), 1, POKE_SECONDS):
                current_app.send_task("core.deliver_events", [name], retry=False)
        except Exception as error:
            log.warning("relay_not_woken", handler=name, error=str(error))


def mark_of(name: str) -> str:
    return f"relay:{name}"
