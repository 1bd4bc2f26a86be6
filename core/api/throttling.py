"""Requests a minute per key, counted in Redis; without Redis nobody is throttled (stated in docs/operations.md)."""

from __future__ import annotations

import threading
import time
from typing import cast

from django.conf import settings
from django.core.cache import cache
from rest_framework.throttling import BaseThrottle

from core.cache import ForgivingRedisCache
from core.services.api_keys import KeyIdentity

MOST_LEASED = 50


class Leases:
    """Requests that this process has already counted in Redis, a hundredth of the limit at a time.

    A busy key then costs a round trip every fifty requests instead of each. What a process leased and did not use counts
    as used, so that a limit may be felt some hundredths early, never late.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._minute = 0
        self._left: dict[str, int] = {}

    def take(self, name: str, limit: int) -> bool:
        minute = int(time.time() // 60)
        with self._lock:
            if minute != self._minute:
                self._minute, self._left = minute, {}
            left = self._left.get(name, 0)
            if left:
                self._left[name] = left - 1
                return True
        wanted = max(1, min(MOST_LEASED, limit // 100))
        # Redis may filter but never decide: while it is away the count is 0 and the request goes through.
        counted = cast(ForgivingRedisCache, cache).count_up(f"throttle:{name}:{minute}", 90, wanted)
        granted = wanted if counted == 0 else wanted - max(0, counted - limit)
        if granted <= 0:
            return False
        with self._lock:
            if minute == self._minute:
                self._left[name] = self._left.get(name, 0) + granted - 1
        return True

    def forget(self) -> None:
        with self._lock:
            self._left = {}


leases = Leases()


class KeyThrottle(BaseThrottle):
    """A fixed window of one minute per server key or member."""

    def allow_request(self, request, view) -> bool:
        auth = request.auth
        if auth is None:
            return True
        if isinstance(auth, KeyIdentity):
            return leases.take(f"key:{auth.id}", settings.API_RATE_LIMIT)
        return leases.take(f"member:{auth.customer_id}", settings.MEMBER_TOKEN_RATE_LIMIT)

    def wait(self) -> float:
        return 60 - time.time() % 60
