"""A Redis cache that may be unavailable: reads miss, writes are skipped, and the site works from the database (F4).

Keys and values are bounded here, so that no caller can fill the memory: a long key is replaced by its digest, and a
value that is too large is not stored.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Any

import structlog
from django.core.cache.backends.redis import RedisCache, RedisCacheClient, RedisSerializer
from redis import Redis
from redis.exceptions import RedisError

log = structlog.get_logger("liuke.cache")
KEY_BYTES = 250
VALUE_BYTES = 512 * 1024


class ValueTooLarge(Exception):
    """The value is larger than VALUE_BYTES and must not be stored."""


class BoundedSerializer(RedisSerializer):
    def dumps(self, obj: Any) -> Any:
        serialized = super().dumps(obj)
        if isinstance(serialized, bytes) and len(serialized) > VALUE_BYTES:
            raise ValueTooLarge(f"{len(serialized)} bytes")
        return serialized


class OneClient(RedisCacheClient):
    """A client with one Redis object per pool. Django creates one per command, which costs three times as much."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs["serializer"] = BoundedSerializer
        super().__init__(*args, **kwargs)
        self._clients: dict[Any, Any] = {}

    def get_client(self, key: str | bytes | memoryview | None = None, *, write: bool = False) -> Redis:
        pool = self._get_connection_pool(write)  # type: ignore[attr-defined]
        if pool not in self._clients:
            self._clients[pool] = self._client(connection_pool=pool)  # type: ignore[attr-defined]
        return self._clients[pool]


class ForgivingRedisCache(RedisCache):
    """A cache that survives the loss of Redis.

    `add` answers True while Redis is unavailable, so that code which guards its work with `add` works instead of
    skipping.
    """

    def __init__(self, server: str | list[str], params: dict[str, Any]) -> None:
        super().__init__(server, params)
        self._class = OneClient

    def make_and_validate_key(self, key: Any, version: int | None = None) -> str:
        full_key = self.make_key(key, version=version)
        if len(full_key) <= KEY_BYTES and full_key.isascii():
            return full_key
        digest = sha256(full_key.encode("utf-8", "surrogatepass")).hexdigest()
        return self.make_key(f"digest:{digest}", version=version)

    def count_up(self, key: str, seconds: int, by: int = 1) -> int:
        """Add to a counter that expires `seconds` after its first use. One round trip; 0 while Redis is unavailable."""
        name = self.make_and_validate_key(key)
        pipeline = self._cache.get_client(name, write=True).pipeline(transaction=False)
        try:
            pipeline.incrby(name, by)
            pipeline.expire(name, seconds, nx=True)
            return pipeline.execute()[0]
        except (RedisError, OSError) as error:
            log.warning("cache_away", operation="count_up", error=str(error)[:200])
            return 0

    def _try(self, method: str, fallback: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            return getattr(RedisCache, method)(self, *args, **kwargs)
        except (RedisError, OSError) as error:
            log.warning("cache_away", operation=method, error=str(error)[:200])
            return fallback
        except ValueTooLarge as error:
            key = args[0] if args and isinstance(args[0], str) else ""
            log.warning("cache_value_too_large", operation=method, key=key[:100], error=str(error))
            if key:
                # The old value of the key is out of date now.
                self.delete(key)
            return fallback

    def get(self, key: Any, default: Any = None, version: int | None = None) -> Any:
        return self._try("get", default, key, default, version)

    def get_many(self, keys: Any, version: int | None = None) -> dict[Any, Any]:
        return self._try("get_many", {}, keys, version)

    def set(self, key: Any, value: Any, *args: Any, **kwargs: Any) -> None:
        return self._try("set", None, key, value, *args, **kwargs)

    def set_many(self, data: dict[Any, Any], *args: Any, **kwargs: Any) -> list[Any]:
        return self._try("set_many", list(data), data, *args, **kwargs)

    def add(self, key: Any, value: Any, *args: Any, **kwargs: Any) -> bool:
        return self._try("add", True, key, value, *args, **kwargs)

    def delete(self, key: Any, version: int | None = None) -> bool:
        return self._try("delete", False, key, version)

    def delete_many(self, keys: Any, version: int | None = None) -> None:
        return self._try("delete_many", None, keys, version)

    def touch(self, key: Any, *args: Any, **kwargs: Any) -> bool:
        return self._try("touch", False, key, *args, **kwargs)

    def has_key(self, key: Any, version: int | None = None) -> bool:
        return self._try("has_key", False, key, version)
