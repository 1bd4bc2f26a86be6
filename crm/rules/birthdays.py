"""On which birthdays a date falls."""

from __future__ import annotations

from calendar import isleap
from datetime import date, timedelta


def celebrated_on(day: date, leap: str = "02-28") -> list[tuple[int, int]]:
    """Which birthdays, as month and day, are celebrated on a date: 29 February also on `leap` in other years (J7)."""
    found = [(day.month, day.day)]
    if not isleap(day.year) and f"{day:%m-%d}" == leap:
        found.append((2, 29))
    return found


def celebrated_around(today: date, days: int, leap: str) -> list[tuple[int, int, date]]:
    """Birthdays (month, day) with the date on which they are celebrated, where that comes in so many days when it is
    `today` somewhere on earth, or was lately."""
    dates = [today + timedelta(days=offset + days) for offset in range(-2, 3)]
    return [(month, day, celebrated) for celebrated in dates for month, day in celebrated_on(celebrated, leap)]
