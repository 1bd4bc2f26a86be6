"""What points came from, in words: the reference of an entry as people read it."""

from __future__ import annotations

from django.core.cache import cache
from django.utils.translation import get_language
from django.utils.translation import gettext as _t

CACHED_SECONDS = 60


def reference_words(reference: str) -> str:
    """`task:first-review` is the task's name, `birthday:2026` the birthday, `reward:tea` the reward's name; what the shop
    itself wrote, such as an order's number, stays as it is."""
    kind, colon, code = reference.partition(":")
    if not colon:
        return reference
    if kind == "birthday":
        return _t("Birthday")
    return _names(kind).get(code, reference)


def _names(kind: str) -> dict[str, str]:
    from loyalty.models import Reward, Task

    models: dict[str, type[Task] | type[Reward]] = {"task": Task, "reward": Reward}
    if kind not in models:
        return {}
    key = f"loyalty:names:{kind}:{get_language()}"
    found: dict[str, str] | None = cache.get_or_set(
        key, lambda: {row.code: row.label for row in models[kind].objects.all()}, CACHED_SECONDS
    )
    return found or {}
