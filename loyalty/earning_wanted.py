"""Which triggers an active earning rule is about: handlers of the others cost nothing."""

from __future__ import annotations

import time
from collections.abc import Callable

from django.core.cache import cache

from loyalty.models import EarningRule

_KEY = "loyalty:earning-triggers"
KEPT_SECONDS = 15
SHARED_SECONDS = 60


class _Triggers:
    """Asked in the middle of recording an activity: answered from this process's memory, then from the cache."""

    def __init__(self) -> None:
        self.until = 0.0
        self.names: frozenset[str] = frozenset()

    def __call__(self) -> frozenset[str]:
        if time.monotonic() >= self.until:
            kept = cache.get(_KEY)
            if kept is None:
                kept = list(EarningRule.objects.filter(active=True).values_list("trigger", flat=True).distinct())
                cache.set(_KEY, kept, SHARED_SECONDS)
            self.names, self.until = frozenset(kept), time.monotonic() + KEPT_SECONDS
        return self.names


_triggers = _Triggers()


def any_of(*names: str) -> Callable[[str], bool]:
    """For `subscribe(wanted=...)`. What is missed while a new rule is not known yet, the member's next event brings in."""
    wanted = frozenset(names)
    return lambda _kind: not wanted.isdisjoint(_triggers())


def forget() -> None:
    """Look anew: here at once, in other processes within seconds."""
    cache.delete(_KEY)
    _triggers.until = 0.0
