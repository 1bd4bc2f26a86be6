"""Kinds of work that wait while sending is held. Each app registers its kinds; a person decides about each kind.

WAITING.register("broadcasts", Waiting(_("Messages of broadcasts"), doubt=..., count=..., settle=...))
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from core.base.registry import Registry


class HoldChoice(StrEnum):
    """The decision about work that the site may have sent after the backup was taken."""

    RELEASE = "release"
    SENT = "sent"
    DROP = "drop"


CHOICES: dict[HoldChoice, str | Promise] = {
    HoldChoice.RELEASE: _("Send: they were not sent"),
    HoldChoice.SENT: _("Mark as sent"),
    HoldChoice.DROP: _("Drop"),
}


@dataclass(frozen=True)
class WaitingCount:
    """Counts of one kind.

    `uncertain` ones may have been sent before the restore. `waiting` ones are due too and go out when sending starts.
    """

    uncertain: int = 0
    waiting: int = 0


@dataclass(frozen=True)
class Waiting:
    """One kind. Each callable works in the caller's transaction or in its own chunks, and is idempotent.

    `doubt(before)` marks the work that was due before that moment as uncertain, and returns its number. `count(before)`
    gets None when nothing was restored. `settle(choice, before, limit)` carries out a choice for at most `limit` rows;
    it returns their number and whether there may be more.
    """

    label: str | Promise
    doubt: Callable[[datetime], int]
    count: Callable[[datetime | None], WaitingCount]
    settle: Callable[[HoldChoice, datetime, int], tuple[int, bool]]
    choices: dict[HoldChoice, str | Promise] = field(default_factory=lambda: CHOICES)


WAITING: Registry[Waiting] = Registry("kind of held work")
