"""Figures that a scheduled task counts and keeps, so that the home page reads one small table instead of all orders.

@kept.figure("crm.revenue")
def revenue() -> dict: ...                      # must return values that JSON can hold

kept.of(request).get("crm.revenue")             # in a panel; None until it is counted for the first time
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from datetime import datetime
from typing import Any

import structlog
from django.db import transaction
from django.http import HttpRequest

from core.base import clock
from core.base.registry import Registry
from core.console.models import KeptFigure
from core.jobs.queueing import enqueue_after_commit

log = structlog.get_logger("liuke.kept")
Count = Callable[[], Any]
FIGURES: Registry[Count] = Registry("kept figure")
TASK = "core.keep_figures"


def figure(name: str) -> Callable[[Count], Count]:
    """Register a callable that counts the figure."""

    def decorate(count: Count) -> Count:
        FIGURES.register(name, count)
        return count

    return decorate


def keep(names: Collection[str] = ()) -> list[str]:
    """Count these figures now, by default all, and keep them. Return the names of those that could not be counted.

    A failing figure keeps its last value and does not stop the others.
    """
    failed = []
    for name, count in FIGURES.items():
        if names and name not in names:
            continue
        started = time.monotonic()
        try:
            with transaction.atomic():
                value = count()
        except Exception as error:
            log.warning("figure_not_kept", figure=name, error=str(error)[:200])
            failed.append(name)
            continue
        row = {"value": value, "counted_at": clock.now(), "seconds": time.monotonic() - started}
        KeptFigure.objects.update_or_create(name=name, defaults=row)
    return failed


def keep_after_commit(*names: str) -> None:
    """Queue a new count of these figures, for a change that a reader expects to see at once."""
    for name in names:
        enqueue_after_commit(TASK, name)


class Figures:
    """The kept figures as one request reads them, with one query for any number of panels."""

    def __init__(self) -> None:
        self._rows: dict[str, KeptFigure] | None = None
        self.missing: set[str] = set()

    def _all(self) -> dict[str, KeptFigure]:
        if self._rows is None:
            self._rows = {row.name: row for row in KeptFigure.objects.all()}
        return self._rows

    def get(self, name: str) -> Any:
        """Return the kept value, or None. A figure that was never counted is noted in `missing`."""
        row = self._all().get(name)
        if row is None:
            self.missing.add(name)
            return None
        return row.value

    def counted_at(self, name: str) -> datetime | None:
        row = self._all().get(name)
        return row.counted_at if row else None


def of(request: HttpRequest) -> Figures:
    """Return the figures of this request."""
    figures: Figures | None = getattr(request, "kept_figures", None)
    if figures is None:
        figures = Figures()
        request.kept_figures = figures  # type: ignore[attr-defined]
    return figures
