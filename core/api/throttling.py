"""Requests a minute per key, counted in Redis; without Redis nobody is throttled (stated in docs/operations.md)."""

from __future__ import annotations

import time
from typing import cast

from django.conf import settings
from django.core.cache import cache
from rest_framework.throttling import BaseThrottle

from core.cache import ForgivingRedisCache
from core.services.api_keys import KeyIdentity


class KeyThrottle(BaseThrottle):
    """A fixed window of one minute per server key or member: one round trip a request."""

    def allow_request(self, request, view) -> bool:
        auth = request.auth
        if auth is None:
            return True
        if isinstance(auth, KeyIdentity):
            name, limit = f"key:{auth.id}", settings.API_RATE_LIMIT
        else:
            name, limit = f"member:{auth.customer_id}", settings.MEMBER_TOKEN_RATE_LIMIT
        # Redis may filter but never decide: while it is away the count is 0 and the request goes through.
        return cast(ForgivingRedisCache, cache).count_up(f"throttle:{name}:{int(time.time() // 60)}", 90) <= limit

    def wait(self) -> float:
        return 60 - time.time() % 60
