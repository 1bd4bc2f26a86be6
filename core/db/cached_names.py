"""Cache of a small set of names that hot code reads, such as subscribed event kinds."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

from django.core.cache import cache

LOCAL_SECONDS = 3.0
SHARED_SECONDS = 60


class CachedNames:
    """The names that `read` returns, cached in this process for seconds and in the shared cache for a minute.

    After `forget`, this process sees a change at once, and other processes see it within LOCAL_SECONDS.
    """

    def __init__(self, key: str, read: Callable[[], Iterable[str]]) -> None:
        self._key = key
        self._read = read
        self._names: frozenset[str] = frozenset()
        self._until = 0.0

    def __call__(self) -> frozenset[str]:
        if time.monotonic() >= self._until:
            shared = cache.get(self._key)
            if shared is None:
                shared = sorted(set(self._read()))
                cache.set(self._key, shared, SHARED_SECONDS)
            self._names, self._until = frozenset(shared), time.monotonic() + LOCAL_SECONDS
        return self._names

    def forget(self) -> None:
        """Drop the cached names: this process reads again at once, other processes within seconds."""
        cache.delete(self._key)
        self._until = 0.0
