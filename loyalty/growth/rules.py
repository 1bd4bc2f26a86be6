"""Arithmetic of tasks and leaderboards: levels, amounts, names. Plain values in, plain values out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise

LEVELS = 20
# A task still takes late happenings for so long after its end (S4).
LATE = timedelta(days=7)


@dataclass(frozen=True)
class LevelGoal:
    """A level of a task and the progress that reaches it."""

    level: int
    goal: int


def newly_reached(goals: Sequence[LevelGoal], best: int, level: int) -> list[LevelGoal]:
    """Return the levels above `level` whose goal is reached, lowest first."""
    return sorted((one for one in goals if one.level > level and one.goal <= best), key=lambda one: one.level)


def levels_problem(goals: Sequence[int]) -> str:
    """Return the problem of these goals, lowest level first, or empty: `none`, `too_many`, `not_rising`."""
    if not goals:
        return "none"
    if len(goals) > LEVELS:
        return "too_many"
    if goals[0] <= 0 or any(later <= earlier for earlier, later in pairwise(goals)):
        return "not_rising"
    return ""


def net_amount(amount: int, total: int, refunded: int) -> int:
    """Return the part of an order's goods that still counts after a refund, rounded down (minor units)."""
    if refunded <= 0:
        return amount
    return amount * max(total - refunded, 0) // total if total > 0 else 0


NAME_LENGTH = 40


def shown_name_problem(name: str) -> str:
    """Return the problem of a name for the leaderboard, or empty: `too_long`, `not_printable`, `contact`.

    An e-mail address or a phone number would reveal to everyone who the member is.
    """
    if len(name) > NAME_LENGTH:
        return "too_long"
    if not name.isprintable():
        return "not_printable"
    if "@" in name or sum(letter.isdigit() for letter in name) >= 7:
        return "contact"
    return ""
