"""Cache results that were slow to count, so that a small shop always sees exact figures and a large one waits once."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from django.core.cache import cache

Result = TypeVar("Result")
Item = TypeVar("Item")


def cached_when_slow(
    key: str,
    compute: Callable[[], Result],
    *,
    slow: float,
    seconds: int,
    stored: Callable[[Result], None] | None = None,
) -> Result:
    """Return the cached result or compute it; one that took longer than `slow` seconds is cached for `seconds`.

    `stored` is called with a result that was cached now.
    """
    cached = cache.get(key)
    if cached is not None:
        return cached
    started = time.monotonic()
    result = compute()
    if time.monotonic() - started > slow:
        cache.set(key, result, seconds)
        if stored is not None:
            stored(result)
    return result


def many_cached_when_slow(
    items: Mapping[str, Item],
    compute: Callable[[Sequence[Item]], Mapping[Item, Result]],
    *,
    slow: float,
    seconds: int,
) -> dict[Item, Result]:
    """Return {item: result} of items by cache key; those that are not cached are computed together."""
    cached = cache.get_many(items) if items else {}
    results = {items[key]: result for key, result in cached.items()}
    missing = {key: item for key, item in items.items() if key not in cached}
    if missing:
        started = time.monotonic()
        computed = compute(list(missing.values()))
        if time.monotonic() - started > slow:
            cache.set_many({key: computed[item] for key, item in missing.items()}, seconds)
        results |= {item: computed[item] for item in missing.values()}
    return results
