"""Convert dates of the Chinese lunar calendar from 2020 to 2050, by the library borax.

The library is imported here only. The years are limited to those for which the dates were
compared with the tables of the Hong Kong Observatory (https://www.hko.gov.hk/en/gts/time/conversion.htm).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from borax.calendars import lunardate

FIRST, LAST = 2020, 2050


@dataclass(frozen=True)
class LunarDate:
    """Hold a lunar date. `leap`: in the repeated month."""

    year: int
    month: int
    day: int
    leap: bool = False


def to_solar(year: int, month: int, day: int, *, leap: bool = False) -> date | None:
    """Return the solar day of a lunar date; None when there is no such month. Raises ValueError outside the years.

    The 30th of a month of 29 days is its last day.
    """
    if not FIRST <= year <= LAST:
        raise ValueError(f"The lunar calendar is known from {FIRST} to {LAST}.")
    if leap and lunardate.LCalendars.leap_month(year) != month:
        return None
    try:
        return lunardate.LunarDate(year, month, day, int(leap)).to_solar_date()
    except ValueError:
        return lunardate.LunarDate(year, month, 29, int(leap)).to_solar_date() if day == 30 else None


def to_lunar(day: date) -> LunarDate | None:
    """Return the lunar date; None before the first and after the last lunar year."""
    if not FIRST <= day.year <= LAST + 1:
        return None
    lunar = lunardate.LunarDate.from_solar_date(day.year, day.month, day.day)
    if not FIRST <= lunar.year <= LAST:
        return None
    return LunarDate(lunar.year, lunar.month, lunar.day, bool(lunar.leap))
