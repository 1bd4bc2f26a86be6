"""Kinds of work that wait while sending is held: each app registers its kinds, and a person decides about each of them.

WAITING.register("broadcasts", Waiting(_("Messages of broadcasts"), doubt=..., count=..., settle=...))
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from core.registry import Registry


class Choice(StrEnum):
    """What becomes of what may have been sent by the site that the backup was taken of."""

    RELEASE = "release"
    SENT = "sent"
    DROP = "drop"


CHOICES: dict[Choice, str | Promise] = {
    Choice.RELEASE: _("Send: they were not sent"),
    Choice.SENT: _("Mark as sent"),
    Choice.DROP: _("Drop"),
}


@dataclass(frozen=True)
class Figures:
    """`uncertain` may have been sent before the restore; `waiting` is due besides and goes out when sending starts."""

    uncertain: int = 0
    waiting: int = 0


@dataclass(frozen=True)
class Waiting:
    """One kind. Each callable works in the caller's transaction or in chunks of its own, and is safe to repeat.

    `doubt(before)` marks what was due before that moment, and returns how many. `count(before)`: None when nothing was
    restored. `settle(choice, before, limit)` carries out a choice for so many at most; it returns how many, and whether
    there may be more.
    """

    label: str | Promise
    doubt: Callable[[datetime], int]
    count: Callable[[datetime | None], Figures]
    settle: Callable[[Choice, datetime, int], tuple[int, bool]]
    choices: dict[Choice, str | Promise] = field(default_factory=lambda: CHOICES)


WAITING: Registry[Waiting] = Registry("kind of what waits")
