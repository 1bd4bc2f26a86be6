"""List the festivals of a year in packs by region: public holidays, traditional festivals and days of commerce.

Dates of public holidays come from the library holidays, lunar dates from borax. Public holidays are the days that
the law names, without the working days that are moved around them each year. A pack of several countries calls a day
public when it is public in one of them; the pack of the EU has the holidays that its central bank keeps.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import lru_cache

import holidays

from campaigns.calendar.rules import lunar

PUBLIC, TRADITIONAL, COMMERCE = "public", "traditional", "commerce"
CN, HK_TW, US, EU = "cn", "hk_tw", "us", "eu"
PACKS = (CN, HK_TW, US, EU)
# The members of the EU, and the states beside it that keep most of the same days.
_EU = "AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK IS LI NO CH"
PACK_OF_COUNTRY = {"CN": CN, "HK": HK_TW, "TW": HK_TW, "MO": HK_TW, "US": US, **dict.fromkeys(_EU.split(), EU)}
OFFICIAL = {CN: ("CN",), HK_TW: ("HK", "TW"), US: ("US",), EU: ("ECB",)}

# In Hong Kong and Macau the library calls only the days of the labour law public; shops close on all general holidays.
CATEGORIES = {"HK": ("public", "optional"), "MO": ("public", "government")}


@dataclass(frozen=True)
class Festival:
    """Hold one festival of a year. `days`: the days that the law gives from `on`; `lead_days`: when to begin preparing.

    A festival without lead days is prepared with the one beside it.
    `edition` is the year that names it, for lunar festivals the lunar year: two Laba days of one solar year differ.
    """

    code: str
    on: date
    kind: str = TRADITIONAL
    days: int = 1
    lead_days: int = 0
    edition: int = 0

    @property
    def public(self) -> bool:
        """Return whether the law makes it a holiday."""
        return self.kind == PUBLIC

    @property
    def prepare_on(self) -> date:
        """Return the day on which to begin preparing."""
        return self.on - timedelta(days=self.lead_days)


Source = Callable[[int], Iterable[date]]


@dataclass(frozen=True)
class Listed:
    """Describe a festival of a pack: `official` is its name in the library's public holidays, if it has one."""

    code: str
    source: Source
    kind: str
    lead_days: int
    official: str = ""
    lunar: bool = False


def _solar(month: int, day: int) -> Source:
    return lambda year: [date(year, month, day)]


def _lunar(month: int, day: int) -> Source:
    return lambda year: days_of(year, month, day, lunar_date=True)


def _weekday(month: int, weekday: int, number: int) -> Source:
    """Return the source of the n-th weekday of a month; 0 is Monday."""

    def days(year: int) -> list[date]:
        first = date(year, month, 1)
        return [first + timedelta(days=(weekday - first.weekday()) % 7 + 7 * (number - 1))]

    return days


def _named(calendar: str, name: str) -> Source:
    """Return the source of the first day with this name in a calendar of the library."""
    return lambda year: sorted(on for on, names in _official(calendar, year).items() if name in names)[:1]


def _after(source: Source, days: int) -> Source:
    return lambda year: [on + timedelta(days=days) for on in source(year)]


_thanksgiving = _named("US", "Thanksgiving Day")
_good_friday = _named("ECB", "Good Friday")
_spring = _lunar(1, 1)
_mother = _weekday(5, 6, 2)
_father = _weekday(6, 6, 3)
_black_friday, _cyber_monday = _after(_thanksgiving, 1), _after(_thanksgiving, 4)

_SPRING = (
    # The sale before the new year begins when families begin to stock up: on Laba, the 8th of the twelfth month.
    Listed("new_year_goods", _lunar(12, 8), COMMERCE, 21, lunar=True),
    Listed("little_new_year", _lunar(12, 23), TRADITIONAL, 7, lunar=True),
    Listed("spring_eve", _after(_spring, -1), TRADITIONAL, 0, "Chinese New Year's Eve", lunar=True),
    Listed("spring_festival", _spring, TRADITIONAL, 30, "Chinese New Year", lunar=True),
    Listed("lantern", _lunar(1, 15), TRADITIONAL, 10, lunar=True),
)
_LUNAR = (
    Listed("dragon_boat", _lunar(5, 5), TRADITIONAL, 21, "Dragon Boat Festival", lunar=True),
    Listed("qixi", _lunar(7, 7), TRADITIONAL, 21, lunar=True),
    Listed("mid_autumn", _lunar(8, 15), TRADITIONAL, 30, "Mid-Autumn Festival", lunar=True),
    Listed("double_ninth", _lunar(9, 9), TRADITIONAL, 14, "Double Ninth Festival", lunar=True),
    Listed("winter_solstice", _named("MO", "Winter Solstice"), TRADITIONAL, 10),
)
_FRIDAY = (
    Listed("black_friday", _black_friday, COMMERCE, 45),
    Listed("cyber_monday", _cyber_monday, COMMERCE, 45),
)
_LISTED: dict[str, tuple[Listed, ...]] = {
    CN: (
        *_SPRING,
        *_LUNAR,
        Listed("new_year", _solar(1, 1), TRADITIONAL, 14, "New Year's Day"),
        Listed("laba", _lunar(12, 8), TRADITIONAL, 7, lunar=True),
        Listed("valentine", _solar(2, 14), COMMERCE, 21),
        Listed("women", _solar(3, 8), COMMERCE, 21),
        Listed("qingming", _named("CN", "Tomb-Sweeping Day"), TRADITIONAL, 10, "Tomb-Sweeping Day"),
        Listed("labour", _solar(5, 1), TRADITIONAL, 21, "Labor Day"),
        Listed("mother", _mother, COMMERCE, 21),
        Listed("love_520", _solar(5, 20), COMMERCE, 21),
        Listed("children", _solar(6, 1), COMMERCE, 21),
        Listed("mid_year_sale", _solar(6, 18), COMMERCE, 45),
        Listed("father", _father, COMMERCE, 21),
        Listed("national", _solar(10, 1), TRADITIONAL, 21, "National Day"),
        Listed("singles", _solar(11, 11), COMMERCE, 60),
        Listed("double_twelve", _solar(12, 12), COMMERCE, 30),
        Listed("christmas", _solar(12, 25), COMMERCE, 30),
    ),
    HK_TW: (
        *_SPRING,
        *_LUNAR,
        *_FRIDAY,
        Listed("new_year", _solar(1, 1), TRADITIONAL, 14, "New Year's Day"),
        Listed("valentine", _solar(2, 14), COMMERCE, 21),
        Listed("peace_memorial", _solar(2, 28), TRADITIONAL, 7, "Peace Memorial Day"),
        Listed("women", _solar(3, 8), COMMERCE, 21),
        Listed("white_day", _solar(3, 14), COMMERCE, 14),
        Listed("children_april", _solar(4, 4), TRADITIONAL, 14, "Children's Day"),
        Listed("qingming", _named("TW", "Tomb-Sweeping Day"), TRADITIONAL, 10, "Tomb-Sweeping Day"),
        Listed("good_friday", _good_friday, TRADITIONAL, 14, "Good Friday"),
        Listed("easter", _after(_good_friday, 2), TRADITIONAL, 21),
        Listed("buddha", _lunar(4, 8), TRADITIONAL, 14, "The Buddha's Birthday", lunar=True),
        Listed("labour", _solar(5, 1), TRADITIONAL, 14, "Labor Day"),
        Listed("mother", _mother, COMMERCE, 21),
        Listed("mid_year_sale", _solar(6, 18), COMMERCE, 45),
        Listed("father", _father, COMMERCE, 21),
        Listed("hong_kong_day", _solar(7, 1), TRADITIONAL, 7, "Hong Kong S.A.R. Establishment Day"),
        Listed("father_august", _solar(8, 8), COMMERCE, 21),
        Listed("ghost", _lunar(7, 15), TRADITIONAL, 14, lunar=True),
        Listed("national", _solar(10, 1), TRADITIONAL, 14, "National Day"),
        Listed("double_tenth", _solar(10, 10), TRADITIONAL, 14, "National Day"),
        Listed("halloween", _solar(10, 31), COMMERCE, 21),
        Listed("singles", _solar(11, 11), COMMERCE, 60),
        Listed("double_twelve", _solar(12, 12), COMMERCE, 30),
        Listed("christmas", _solar(12, 25), COMMERCE, 45, "Christmas Day"),
    ),
    US: (
        *_FRIDAY,
        Listed("new_year", _solar(1, 1), TRADITIONAL, 14, "New Year's Day"),
        Listed("king_day", _named("US", "Martin Luther King Jr. Day"), TRADITIONAL, 10, "Martin Luther King Jr. Day"),
        Listed("valentine", _solar(2, 14), COMMERCE, 30),
        Listed("presidents_day", _named("US", "Washington's Birthday"), TRADITIONAL, 14, "Washington's Birthday"),
        Listed("st_patrick", _solar(3, 17), TRADITIONAL, 14),
        Listed("easter", _after(_good_friday, 2), TRADITIONAL, 30),
        Listed("mother", _mother, COMMERCE, 30),
        Listed("memorial_day", _named("US", "Memorial Day"), TRADITIONAL, 21, "Memorial Day"),
        Listed("juneteenth", _solar(6, 19), TRADITIONAL, 14, "Juneteenth National Independence Day"),
        Listed("father", _father, COMMERCE, 30),
        Listed("independence_day", _solar(7, 4), TRADITIONAL, 21, "Independence Day"),
        Listed("labor_day", _named("US", "Labor Day"), TRADITIONAL, 21, "Labor Day"),
        Listed("columbus_day", _named("US", "Columbus Day"), TRADITIONAL, 10, "Columbus Day"),
        Listed("halloween", _solar(10, 31), COMMERCE, 30),
        Listed("veterans_day", _solar(11, 11), TRADITIONAL, 14, "Veterans Day"),
        Listed("thanksgiving", _thanksgiving, TRADITIONAL, 30, "Thanksgiving Day"),
        Listed("christmas", _solar(12, 25), COMMERCE, 60, "Christmas Day"),
    ),
    EU: (
        *_FRIDAY,
        Listed("new_year", _solar(1, 1), TRADITIONAL, 14, "New Year's Day"),
        Listed("epiphany", _solar(1, 6), TRADITIONAL, 7),
        Listed("valentine", _solar(2, 14), COMMERCE, 30),
        Listed("women", _solar(3, 8), COMMERCE, 14),
        Listed("good_friday", _good_friday, TRADITIONAL, 14, "Good Friday"),
        Listed("easter", _after(_good_friday, 2), TRADITIONAL, 30),
        Listed("easter_monday", _after(_good_friday, 3), TRADITIONAL, 0, "Easter Monday"),
        Listed("labour", _solar(5, 1), TRADITIONAL, 14, "Labour Day"),
        Listed("mother", _mother, COMMERCE, 30),
        Listed("ascension", _after(_good_friday, 41), TRADITIONAL, 14),
        Listed("pentecost", _after(_good_friday, 51), TRADITIONAL, 14),
        Listed("halloween", _solar(10, 31), COMMERCE, 21),
        Listed("all_saints", _solar(11, 1), TRADITIONAL, 7),
        Listed("st_nicholas", _solar(12, 6), TRADITIONAL, 21),
        Listed("christmas", _solar(12, 25), COMMERCE, 60, "Christmas Day"),
        Listed("st_stephen", _solar(12, 26), TRADITIONAL, 0, "Christmas Holiday"),
    ),
}
CODES = frozenset(listed.code for pack in _LISTED.values() for listed in pack)


def pack_of(country: str) -> tuple[str, ...]:
    """Return the packs of a shop that chose none, by the country of its default store."""
    pack = PACK_OF_COUNTRY.get(country.upper())
    return (pack,) if pack else ()


def codes_of(packs: Sequence[str]) -> frozenset[str]:
    """Return the codes of all festivals of these packs."""
    return frozenset(listed.code for pack in packs for listed in _LISTED[pack])


def festivals_of(year: int, packs: Sequence[str] = (CN,)) -> list[Festival]:
    """Return the festivals in order of their days; lunar ones only from 2021 to 2050.

    A festival of several packs is listed once: public where one of them says so, with the longest time to prepare.
    """
    merged: dict[tuple[str, date], Festival] = {}
    for pack in packs:
        for festival in _festivals(pack, year):
            key = festival.code, festival.on
            other = merged.get(key, festival)
            merged[key] = replace(
                festival if festival.public else other,
                days=max(festival.days, other.days),
                lead_days=max(festival.lead_days, other.lead_days),
            )
    return sorted(merged.values(), key=lambda festival: (festival.on, festival.code))


def festivals_between(first: date, last: date, packs: Sequence[str]) -> list[Festival]:
    """Return the festivals from the first to the last day."""
    years = range(first.year, last.year + 1)
    return [one for year in years for one in festivals_of(year, packs) if first <= one.on <= last]


def days_of(year: int, month: int, day: int, *, lunar_date: bool) -> list[date]:
    """Return the days of a solar year on which a yearly day falls; a lunar day may fall twice or never."""
    if not lunar_date:
        # 29 February moves to the 28th in other years.
        leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
        return [date(year, month, 28 if (month, day) == (2, 29) and not leap else day)]
    # The end of a lunar year lies in the next solar year.
    dates = [lunar.to_solar(own, month, day) for own in (year - 1, year) if lunar.FIRST <= own <= lunar.LAST]
    return [on for on in dates if on is not None and on.year == year]


def edition_of(on: date, *, by_lunar: bool) -> int:
    """Return the year that names the occurrence of a yearly day: the lunar year for a lunar day."""
    lunar_date = lunar.to_lunar(on) if by_lunar else None
    return lunar_date.year if lunar_date else on.year


@lru_cache(maxsize=256)
def _festivals(pack: str, year: int) -> tuple[Festival, ...]:
    rows = []
    for listed in _LISTED[pack]:
        if listed.lunar and not lunar.FIRST < year <= lunar.LAST:
            continue
        for on in listed.source(year):
            days = max((_public_days(calendar, listed.official, on) for calendar in OFFICIAL[pack]), default=0)
            rows.append(
                Festival(
                    listed.code, on, PUBLIC if days else listed.kind, max(days, 1), listed.lead_days,
                    edition_of(on, by_lunar=listed.lunar),
                )
            )  # fmt: skip
    return tuple(rows)


def _public_days(calendar: str, name: str, on: date) -> int:
    """Return how many days from `on` have this name in a calendar; 0 when it is not public there."""
    days = 0
    while name and any(one.startswith(name) for one in _official(calendar, on.year).get(on + timedelta(days=days), ())):
        days += 1
    return days


@lru_cache(maxsize=256)
def _official(calendar: str, year: int) -> dict[date, tuple[str, ...]]:
    """Return the names of the public holidays by day, without days that are moved for a weekend."""
    if calendar == "ECB":
        rows = holidays.financial_holidays("ECB", years=year)
    else:
        categories = CATEGORIES.get(calendar, ("public",))
        rows = holidays.country_holidays(calendar, years=year, language="en_US", categories=categories)
    return {
        on: names
        for on, text in rows.items()
        if (names := tuple(name for name in text.split("; ") if not _is_moved(name)))
    }


def _is_moved(name: str) -> bool:
    return "observed" in name or name.startswith(("Day off", "Compensatory"))
