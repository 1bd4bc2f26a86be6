"""On which birthdays a date falls."""

from __future__ import annotations

from calendar import isleap
from datetime import date


def celebrated_on(day: date, leap: str = "02-28") -> list[tuple[int, int]]:
    """Which birthdays, as month and day, are celebrated on a date: 29 February also on `leap` in other years (J7)."""
    found = [(day.month, day.day)]
    if not isleap(day.year) and f"{day:%m-%d}" == leap:
        found.append((2, 29))
    return found
