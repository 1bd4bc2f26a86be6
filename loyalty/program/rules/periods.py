"""Days, weeks, months and years for limits and for the resets of tasks; `ever` is one period without end."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

Period = Literal["day", "week", "month", "year", "ever"]
PERIODS: tuple[Period, ...] = ("day", "week", "month", "year", "ever")
EVER = date(1970, 1, 1)


def period_start(period: str, day: date) -> date:
    """Return the first day of the period that contains a day; weeks begin on Monday."""
    starts = {
        "day": day,
        "week": day - timedelta(days=day.weekday()),
        "month": day.replace(day=1),
        "year": day.replace(month=1, day=1),
        "ever": EVER,
    }
    return starts[period]


def period_end(period: str, start: date) -> date | None:
    """Return the first day after the period that begins on `start`; None for `ever`."""
    if period == "day":
        return start + timedelta(days=1)
    if period == "week":
        return start + timedelta(days=7)
    if period == "month":
        return (start + timedelta(days=31)).replace(day=1)
    return start.replace(year=start.year + 1) if period == "year" else None


def local_day(at: datetime, zone: str) -> date:
    """Return the calendar day of a moment in a time zone."""
    return at.astimezone(ZoneInfo(zone)).date()


def midnight(day: date, zone: str) -> datetime:
    """Return the start of a day in a time zone."""
    return datetime.combine(day, time(), ZoneInfo(zone))
