"""Convert dates of the Chinese lunar calendar from 2020 to 2050, and compute festivals that follow it.

For each lunar year the table holds its first day, its leap month (0: none), and for each month in order whether it has
30 days (1) or 29. The leap month comes after the month that it repeats. The table agrees day by day with the
Gregorian-lunar conversion tables of the Hong Kong Observatory (https://www.hko.gov.hk/en/gts/time/conversion.htm), as
carried by the libraries lunardate and LunarCalendar.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

FIRST, LAST = 2020, 2050
_YEARS: dict[int, tuple[int, int, int, str]] = {
    2020: (1, 25, 4, "0111010010101"),
    2021: (2, 12, 0, "011010101010"),
    2022: (2, 1, 0, "101011010101"),
    2023: (1, 22, 2, "0100110110101"),
    2024: (2, 10, 0, "010010110110"),
    2025: (1, 29, 6, "1010010101110"),
    2026: (2, 17, 0, "101001001110"),
    2027: (2, 6, 0, "110100100110"),
    2028: (1, 26, 5, "1110100100110"),
    2029: (2, 13, 0, "110101010011"),
    2030: (2, 3, 0, "010110101010"),
    2031: (1, 23, 3, "0110101101010"),
    2032: (2, 11, 0, "100101101101"),
    2033: (1, 31, 11, "0100101011101"),
    2034: (2, 19, 0, "010010101101"),
    2035: (2, 8, 0, "101001001101"),
    2036: (1, 28, 6, "1101001001011"),
    2037: (2, 15, 0, "110100100101"),
    2038: (2, 4, 0, "110101010010"),
    2039: (1, 24, 5, "1101101010100"),
    2040: (2, 12, 0, "101101011010"),
    2041: (2, 1, 0, "010101101101"),
    2042: (1, 22, 2, "0100101011011"),
    2043: (2, 10, 0, "010010011011"),
    2044: (1, 30, 7, "1010010010111"),
    2045: (2, 17, 0, "101001001011"),
    2046: (2, 6, 0, "101010100101"),
    2047: (1, 26, 5, "1011010100101"),
    2048: (2, 14, 0, "011011010010"),
    2049: (2, 2, 0, "101011011010"),
    2050: (1, 23, 3, "0101010110110"),
}


@dataclass(frozen=True)
class LunarDate:
    """Hold a lunar date. `leap`: in the repeated month."""

    year: int
    month: int
    day: int
    leap: bool = False


def months_of(year: int) -> list[tuple[int, bool, int]]:
    """Return (month, whether it is the leap month, days) in order. Raises ValueError outside the table."""
    if year not in _YEARS:
        raise ValueError(f"The lunar calendar is known from {FIRST} to {LAST}.")
    _month, _day, leap, lengths = _YEARS[year]
    names = [(month, again) for month in range(1, 13) for again in ((False, True) if month == leap else (False,))]
    return [(month, again, 29 + int(long)) for (month, again), long in zip(names, lengths, strict=True)]


def new_year(year: int) -> date:
    """Return the day of the lunar new year in a Gregorian year. Raises KeyError outside the table."""
    month, day, _leap, _lengths = _YEARS[year]
    return date(year, month, day)


def to_solar(year: int, month: int, day: int, *, leap: bool = False) -> date | None:
    """Return the solar day of a lunar date; None when there is no such month.

    The 30th of a month of 29 days is its last day.
    """
    at = new_year(year) if year in _YEARS else None
    for own, again, days in months_of(year):
        assert at is not None
        if (own, again) == (month, leap):
            return at + timedelta(days=min(day, days) - 1)
        at += timedelta(days=days)
    return None


def to_lunar(day: date) -> LunarDate | None:
    """Return the lunar date; None outside the table."""
    for year in (day.year, day.year - 1):
        if year in _YEARS and new_year(year) <= day:
            at = new_year(year)
            for month, again, days in months_of(year):
                if day < at + timedelta(days=days):
                    return LunarDate(year, month, (day - at).days + 1, again)
                at += timedelta(days=days)
    return None


def qingming(year: int) -> date:
    """Return Tomb-Sweeping Day of the years 2000 to 2099: a solar term, by the customary formula."""
    short = year % 100
    return date(year, 4, int(short * 0.2422 + 4.81) - short // 4)
