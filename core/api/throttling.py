"""Requests a minute per key, counted in Redis; without Redis nobody is throttled (stated in docs/operations.md).

Wrong keys are counted by address, also without Redis.
"""

from __future__ import annotations

import math
import threading
import time
from typing import cast

from django.conf import settings
from django.core.cache import cache
from django.utils.crypto import salted_hmac
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

# Addresses share this many counters, so that a caller with many addresses can't fill any memory.
COUNTERS = 4096


class Failures:
    """Answers 401 by address and minute, counted in Redis; without Redis, each process counts its own.

    Two addresses may share a counter. That only turns a 401 into a 429: a right key is never counted here.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._minute = 0
        self._counts: dict[int, int] = {}

    def too_many(self, address: str) -> bool:
        """Count one failure; return whether the address has had more than its limit in this minute."""
        minute = int(time.time() // 60)
        # With the secret key, so that nobody can choose an address to share a counter with another.
        digest = salted_hmac("core.api.failures", address).digest()
        counter = int.from_bytes(digest[:4], "big") % COUNTERS
        with self._lock:
            if minute != self._minute:
                self._minute, self._counts = minute, {}
            count = self._counts[counter] = self._counts.get(counter, 0) + 1
        if count > settings.AUTH_FAILURE_LIMIT:
            return True
        shared = cast(ForgivingRedisCache, cache).count_up(f"auth-failures:{counter}:{minute}", 90)
        if shared > count:
            with self._lock:
                if minute == self._minute:
                    self._counts[counter] = max(self._counts.get(counter, 0), shared)
        return shared > settings.AUTH_FAILURE_LIMIT

    def forget(self) -> None:
        with self._lock:
            self._counts = {}


failures = Failures()


def seconds_left() -> int:
    """Return how many seconds this minute still has: what Retry-After says."""
    return max(1, math.ceil(60 - time.time() % 60))


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
