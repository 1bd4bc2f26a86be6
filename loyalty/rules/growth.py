"""Arithmetic of tasks and leaderboards: periods, days in a row, levels. Plain values in, plain values out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

EVER = date(1970, 1, 1)
LEVELS = 20
# For how long after its end a task still takes what arrives late (S4).
LATE = timedelta(days=7)


def local_day(at: datetime, zone: str) -> date:
    return at.astimezone(ZoneInfo(zone)).date()


def period_start(day: date, period: str) -> date:
    """The first day of the period that a day is in. Weeks begin on Monday; `ever` is one period without end."""
    if period == "ever":
        return EVER
    if period == "day":
        return day
    if period == "week":
        return day - timedelta(days=day.weekday())
    if period == "month":
        return day.replace(day=1)
    raise ValueError(period)


def period_end(start: date, period: str) -> date | None:
    """The first day after the period; None for `ever`."""
    if period == "ever":
        return None
    if period == "month":
        return date(start.year + start.month // 12, start.month % 12 + 1, 1)
    return start + timedelta(days=7 if period == "week" else 1)


def midnight(day: date, zone: str) -> datetime:
    return datetime.combine(day, time(), ZoneInfo(zone))


@dataclass(frozen=True)
class Runs:
    """Days in a row: the run that ends on the last day, and the longest one."""

    last: int
    longest: int


def runs_of(days: Iterable[date]) -> Runs:
    """Of days in any order, each as often as it comes. A day that arrives late closes the gap that it left."""
    longest = run = 0
    before: date | None = None
    for day in sorted(set(days)):
        run = run + 1 if before is not None and day == before + timedelta(days=1) else 1
        longest = max(longest, run)
        before = day
    return Runs(run, longest)


def current_run(count: int, last_on: date | None, today: date) -> int:
    """What is left of a run today: it holds until the end of the day after its last one."""
    return count if last_on is not None and last_on >= today - timedelta(days=1) else 0


@dataclass(frozen=True)
class Goal:
    level: int
    goal: int


def newly_reached(goals: Sequence[Goal], best: int, level: int) -> list[Goal]:
    """The levels above `level` whose goal is reached, lowest first."""
    return sorted((one for one in goals if one.level > level and one.goal <= best), key=lambda one: one.level)


def levels_problem(goals: Sequence[int]) -> str:
    """Why these goals, lowest level first, are no task, or empty: `none`, `too_many`, `not_rising`."""
    if not goals:
        return "none"
    if len(goals) > LEVELS:
        return "too_many"
    if goals[0] <= 0 or any(later <= earlier for earlier, later in pairwise(goals)):
        return "not_rising"
    return ""


def net_amount(amount: int, total: int, refunded: int) -> int:
    """What of an order's goods still counts when `refunded` of its `total` has gone back, rounded down (minor units)."""
    if refunded <= 0:
        return amount
    return amount * max(total - refunded, 0) // total if total > 0 else 0


NAME_LENGTH = 40


def shown_name_problem(name: str) -> str:
    """Why a member can't be shown under this name, or empty: `too_long`, `not_printable`, `contact`.

    An address or a telephone number would tell everyone who they are.
    """
    if len(name) > NAME_LENGTH:
        return "too_long"
    if not name.isprintable():
        return "not_printable"
    if "@" in name or sum(letter.isdigit() for letter in name) >= 7:
        return "contact"
    return ""
