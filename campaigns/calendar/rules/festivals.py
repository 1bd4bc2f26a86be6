"""List the festivals of a year: public holidays of mainland China, and days on which shops address customers.

Public holidays are the days of the national regulation (全国年节及纪念日放假办法, in the form of 2024-11-10), not the
weekends that are moved around them each year.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from campaigns.calendar.rules import lunar


@dataclass(frozen=True)
class Festival:
    """Hold one festival. `code` names it; `public`: a public holiday of `days` days that begins on `on`."""

    code: str
    on: date
    public: bool = False
    days: int = 1


SOLAR = (
    ("valentine", 2, 14), ("women", 3, 8), ("children", 6, 1), ("mid_year_sale", 6, 18), ("singles", 11, 11),
    ("double_twelve", 12, 12), ("christmas", 12, 25),
)  # fmt: skip
LUNAR = (("lantern", 1, 15), ("qixi", 7, 7), ("double_ninth", 9, 9), ("laba", 12, 8), ("little_new_year", 12, 23))
CODES = frozenset(
    {
        "new_year", "spring_festival", "qingming", "labour", "dragon_boat", "mid_autumn", "national",
        "mother", "father", *(code for code, _month, _day in (*SOLAR, *LUNAR)),
    }
)  # fmt: skip


def festivals_of(year: int) -> list[Festival]:
    """Return the festivals in order of their days; lunar ones only from 2021 to 2050."""
    festivals = [
        Festival("new_year", date(year, 1, 1), public=True),
        Festival("qingming", lunar.qingming(year), public=True),
        Festival("labour", date(year, 5, 1), public=True, days=2),
        Festival("national", date(year, 10, 1), public=True, days=3),
        Festival("mother", _sunday(year, 5, 2)),
        Festival("father", _sunday(year, 6, 3)),
        *(Festival(code, date(year, month, day)) for code, month, day in SOLAR),
    ]
    if lunar.FIRST < year <= lunar.LAST:
        # The eve and the first three days.
        festivals.append(Festival("spring_festival", lunar.new_year(year) - timedelta(days=1), public=True, days=4))
        for code, month, day, public in (
            ("dragon_boat", 5, 5, True), ("mid_autumn", 8, 15, True), *((*row, False) for row in LUNAR),
        ):  # fmt: skip
            for on in days_of(year, month, day, lunar_date=True):
                festivals.append(Festival(code, on, public=public))
    return sorted(festivals, key=lambda festival: (festival.on, festival.code))


def days_of(year: int, month: int, day: int, *, lunar_date: bool) -> list[date]:
    """Return the days of a solar year on which a yearly day falls; a lunar day may fall twice or never."""
    if not lunar_date:
        # 29 February moves to the 28th in other years.
        leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
        return [date(year, month, 28 if (month, day) == (2, 29) and not leap else day)]
    # The end of a lunar year lies in the next solar year.
    dates = [lunar.to_solar(own, month, day) for own in (year - 1, year) if lunar.FIRST <= own <= lunar.LAST]
    return [on for on in dates if on is not None and on.year == year]


def _sunday(year: int, month: int, number: int) -> date:
    first = date(year, month, 1)
    return first + timedelta(days=(6 - first.weekday()) % 7 + 7 * (number - 1))
