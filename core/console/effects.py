"""The effect of an action, shown before it happens: lines with a value now and a value afterwards."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.functional import Promise


@dataclass(frozen=True)
class Effect:
    """One line. Without `after` it is a plain statement. `tone`: good, warn, bad or ""."""

    label: str | Promise
    before: str | Promise = ""
    after: str | Promise = ""
    tone: str = ""
