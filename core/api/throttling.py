"""Limits on requests a minute per key, counted in Redis; without Redis no key is throttled (see docs/operations.md).

Wrong keys are counted by address, also without Redis.
"""

from __future__ import annotations

import math
import threading
import time
from typing import TYPE_CHECKING, Any, cast

from django.conf import settings
from django.core.cache import cache
from django.utils.crypto import salted_hmac
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from core.db.cache import ForgivingRedisCache
from core.security.api_keys import KeyIdentity

if TYPE_CHECKING:
    # The settings of the framework name this module: importing its views here would be a cycle.
    from rest_framework.views import APIView

MOST_LEASED = 50


class Leases:
    """Requests that this process has already counted in Redis, a hundredth of the limit at a time.

    A busy key then costs a round trip every fifty requests instead of each. Leased requests that a process did not use
    count as used, so a limit may apply some hundredths early, never late.
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
        share = max(1, min(MOST_LEASED, limit // 100))
        # Redis must never decide alone: while it is unavailable the count is 0 and the request goes through.
        counted = cast(ForgivingRedisCache, cache).count_up(f"throttle:{name}:{minute}", 90, share)
        granted = share if counted == 0 else share - max(0, counted - limit)
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

# All addresses share this many counters, so that a caller with many addresses can't fill the memory.
COUNTERS = 4096


class Failures:
    """Counts of 401 answers by address and minute, kept in Redis; without Redis, each process counts its own.

    Two addresses may share a counter. That only turns a 401 into a 429: a valid key is never counted here.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._minute = 0
        self._counts: dict[int, int] = {}

    def too_many(self, address: str) -> bool:
        """Count one failure. Return whether the address exceeded its limit in this minute."""
        minute = int(time.time() // 60)
        # Keyed with the secret key, so that a caller can't choose an address that shares a counter with another.
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
    """Return the seconds left in this minute, for Retry-After."""
    return max(1, math.ceil(60 - time.time() % 60))


class KeyThrottle(BaseThrottle):
    """A limit per server key or member in a fixed window of one minute."""

    def allow_request(self, request: Request, view: APIView) -> bool:
        auth = request.auth
        if auth is None:
            return True
        if isinstance(auth, KeyIdentity):
            return leases.take(f"key:{auth.id}", settings.API_RATE_LIMIT)
        return leases.take(f"member:{cast(Any, auth).customer_id}", settings.MEMBER_TOKEN_RATE_LIMIT)

    def wait(self) -> float:
        return 60 - time.time() % 60
