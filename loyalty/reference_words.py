"""Words for the reference of an entry, as people read it."""

from __future__ import annotations

from django.core.cache import cache
from django.utils.translation import get_language
from django.utils.translation import gettext as _t

CACHED_SECONDS = 60


def reference_words(reference: str) -> str:
    """Return the words of a reference; a text of the shop's own, such as an order number, stays as it is.

    `task:first-review` gives the task's name, `birthday:2026` the birthday, `reward:tea` the reward's name.
    """
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
    names: dict[str, str] | None = cache.get_or_set(
        key, lambda: {row.code: row.label for row in models[kind].objects.all()}, CACHED_SECONDS
    )
    return names or {}
