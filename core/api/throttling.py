"""Requests a minute per key, counted in Redis; without Redis nobody is throttled (stated in docs/operations.md)."""

from __future__ import annotations

import time

from django.conf import settings
from django.core.cache import cache
from rest_framework.throttling import BaseThrottle

from core.services.api_keys import KeyIdentity


class KeyThrottle(BaseThrottle):
    """A fixed window of one minute per server key or member: one INCR a request."""

    def allow_request(self, request, view) -> bool:
        auth = request.auth
        if auth is None:
            return True
        if isinstance(auth, KeyIdentity):
            name, limit = f"key:{auth.id}", settings.API_RATE_LIMIT
        else:
            name, limit = f"member:{auth.customer_id}", settings.MEMBER_TOKEN_RATE_LIMIT
        window = int(time.time() // 60)
        key = f"throttle:{name}:{window}"
        try:
            count = cache.incr(key)
        except ValueError:
            count = 1
            if not cache.add(key, 1, 90):
                count = 2
        except Exception:
            # Redis may filter but never decide: without it the request goes through.
            return True
        return count <= limit

    def wait(self) -> float:
        return 60 - time.time() % 60
