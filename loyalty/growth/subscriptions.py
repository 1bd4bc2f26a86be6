"""Subscriptions of growth to activity triggers."""

from __future__ import annotations

from collections.abc import Iterable

from core.base import clock
from core.db.cached_names import CachedNames
from loyalty.growth.models import Task
from loyalty.growth.rules import LATE
from loyalty.triggers.registry import Listener


def _of_tasks() -> Iterable[str]:
    return Task.objects.running(clock.now(), LATE).order_by().values_list("trigger", flat=True)


TASKS = Listener("loyalty.advance_tasks", CachedNames("loyalty:task-triggers", _of_tasks))
