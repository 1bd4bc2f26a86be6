"""The birthdays that are celebrated on a date."""

from __future__ import annotations

from calendar import isleap
from datetime import date, timedelta


def celebrated_on(day: date, leap: str = "02-28") -> list[tuple[int, int]]:
    """Return the birthdays (month, day) celebrated on a date: 29 February also on `leap` in other years (J7)."""
    birthdays = [(day.month, day.day)]
    if not isleap(day.year) and f"{day:%m-%d}" == leap:
        birthdays.append((2, 29))
    return birthdays


def celebrated_around(today: date, days: int, leap: str) -> list[tuple[int, int, date]]:
    """Return birthdays (month, day) with their date of celebration, `days` after today.

    "Today" covers every time zone on earth and the last days.
    """
    dates = [today + timedelta(days=offset + days) for offset in range(-2, 3)]
    return [(month, day, celebrated) for celebrated in dates for month, day in celebrated_on(celebrated, leap)]
