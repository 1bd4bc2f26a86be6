"""Test festivals against the dates that authorities publish, and lunar dates."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from campaigns.calendar.labels import NAMES, PACK_LABELS
from campaigns.calendar.rules import festivals, lunar
from campaigns.calendar.rules.festivals import CN, EU, HK_TW, PACKS, US, festivals_of, pack_of
from campaigns.calendar.rules.lunar import LunarDate, to_lunar, to_solar


def on(year: int, *packs: str) -> dict[str, date]:
    return {festival.code: festival.on for festival in festivals_of(year, packs or (CN,))}


def test_both_ways_lead_back_on_every_day():
    day, last = to_solar(lunar.FIRST, 1, 1), to_solar(lunar.LAST, 1, 1)
    assert day is not None
    assert last is not None
    while day < last:
        lunar_date = to_lunar(day)
        assert lunar_date is not None
        assert to_solar(lunar_date.year, lunar_date.month, lunar_date.day, leap=lunar_date.leap) == day
        day += timedelta(days=1)


def test_known_days_including_leap_months():
    """Compare with dates that the Hong Kong Observatory publishes."""
    assert to_lunar(date(2026, 2, 17)) == LunarDate(2026, 1, 1)
    assert to_lunar(date(2025, 7, 25)) == LunarDate(2025, 6, 1, leap=True)
    assert to_lunar(date(2033, 12, 22)) == LunarDate(2033, 11, 1, leap=True)
    assert to_solar(2025, 6, 1) == date(2025, 6, 25)
    assert to_solar(2026, 6, 1, leap=True) is None
    assert to_lunar(date(2019, 1, 1)) is None
    with pytest.raises(ValueError, match="2020 to 2050"):
        to_solar(2051, 1, 1)


def test_the_30th_of_a_month_of_29_days_is_its_last_day():
    # the twelfth month of 2024 has 29 days: the next day is the new year of 2025
    assert to_solar(2024, 12, 30) == to_solar(2024, 12, 29) == date(2025, 1, 28)
    assert to_solar(2025, 12, 30) == date(2026, 2, 16) == to_solar(2025, 12, 29)


# Dates of the notices of the State Council (2024 to 2026) and of the almanac of the Hong Kong Observatory.
@pytest.mark.parametrize(
    ("year", "expected"),
    [
        (2024, {
            "spring_eve": (2, 9), "spring_festival": (2, 10), "lantern": (2, 24), "qingming": (4, 4),
            "dragon_boat": (6, 10), "qixi": (8, 10), "mid_autumn": (9, 17), "double_ninth": (10, 11), "laba": (1, 18),
            "winter_solstice": (12, 21),
        }),
        (2025, {
            "spring_eve": (1, 28), "spring_festival": (1, 29), "lantern": (2, 12), "qingming": (4, 4),
            "dragon_boat": (5, 31), "qixi": (8, 29), "mid_autumn": (10, 6), "double_ninth": (10, 29),
            "new_year_goods": (1, 7), "winter_solstice": (12, 21),
        }),
        (2026, {
            "spring_eve": (2, 16), "spring_festival": (2, 17), "lantern": (3, 3), "qingming": (4, 5),
            "dragon_boat": (6, 19), "qixi": (8, 19), "mid_autumn": (9, 25), "new_year_goods": (1, 26),
            "winter_solstice": (12, 22),
        }),
        (2027, {
            "spring_eve": (2, 5), "spring_festival": (2, 6), "dragon_boat": (6, 9), "qixi": (8, 8),
            "mid_autumn": (9, 15), "laba": (1, 15), "mother": (5, 9), "double_ninth": (10, 8),
        }),
        (2028, {
            "spring_eve": (1, 25), "spring_festival": (1, 26), "lantern": (2, 9), "qixi": (8, 26),
            "mid_autumn": (10, 3), "father": (6, 18), "double_ninth": (10, 26),
        }),
    ],
)  # fmt: skip
def test_festivals_of_mainland_china(year, expected):
    assert {code: on(year)[code] for code in expected} == {code: date(year, *day) for code, day in expected.items()}


def test_days_of_commerce_have_fixed_dates():
    commerce = {
        "women": (3, 8), "love_520": (5, 20), "mid_year_sale": (6, 18), "singles": (11, 11), "double_twelve": (12, 12),
    }  # fmt: skip
    for year in range(2024, 2029):
        days = {festival.code: festival for festival in festivals_of(year)}
        assert {code: (days[code].on.month, days[code].on.day) for code in commerce} == commerce
        assert {days[code].kind for code in commerce} == {"commerce"}


# Federal holidays by the Office of Personnel Management; the Friday and Monday follow Thanksgiving.
@pytest.mark.parametrize(
    ("year", "thanksgiving", "easter", "memorial_day", "labor_day", "king_day"),
    [
        (2024, (11, 28), (3, 31), (5, 27), (9, 2), (1, 15)),
        (2025, (11, 27), (4, 20), (5, 26), (9, 1), (1, 20)),
        (2026, (11, 26), (4, 5), (5, 25), (9, 7), (1, 19)),
        (2027, (11, 25), (3, 28), (5, 31), (9, 6), (1, 18)),
        (2028, (11, 23), (4, 16), (5, 29), (9, 4), (1, 17)),
    ],
)
def test_festivals_of_the_united_states(year, thanksgiving, easter, memorial_day, labor_day, king_day):
    days = on(year, US)
    dates = {"easter": easter, "memorial_day": memorial_day, "labor_day": labor_day, "king_day": king_day}
    assert {code: days[code] for code in dates} == {code: date(year, *day) for code, day in dates.items()}
    assert days["thanksgiving"] == date(year, *thanksgiving)
    assert days["black_friday"] == date(year, *thanksgiving) + timedelta(days=1)
    assert days["cyber_monday"] == date(year, *thanksgiving) + timedelta(days=4)
    kinds = {festival.code: festival.kind for festival in festivals_of(year, (US,))}
    assert (kinds["thanksgiving"], kinds["christmas"], kinds["black_friday"], kinds["easter"]) == (
        "public", "public", "commerce", "traditional",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("year", "good_friday", "ascension", "pentecost"),
    [
        (2024, (3, 29), (5, 9), (5, 19)), (2025, (4, 18), (5, 29), (6, 8)), (2026, (4, 3), (5, 14), (5, 24)),
        (2027, (3, 26), (5, 6), (5, 16)), (2028, (4, 14), (5, 25), (6, 4)),
    ],
)  # fmt: skip
def test_festivals_of_the_european_union(year, good_friday, ascension, pentecost):
    days = on(year, EU)
    first = date(year, *good_friday)
    assert (days["good_friday"], days["easter"], days["easter_monday"]) == (
        first, first + timedelta(days=2), first + timedelta(days=3),
    )  # fmt: skip
    assert (days["ascension"], days["pentecost"]) == (date(year, *ascension), date(year, *pentecost))
    public = {festival.code for festival in festivals_of(year, (EU,)) if festival.public}
    assert public == {"new_year", "good_friday", "easter_monday", "labour", "christmas", "st_stephen"}


# General holidays by the government of Hong Kong, and holidays by the administration of Taiwan.
@pytest.mark.parametrize(
    ("year", "buddha", "good_friday", "spring"),
    [
        (2024, (5, 15), (3, 29), (2, 10)), (2025, (5, 5), (4, 18), (1, 29)), (2026, (5, 24), (4, 3), (2, 17)),
        (2027, (5, 13), (3, 26), (2, 6)), (2028, (5, 2), (4, 14), (1, 26)),
    ],
)  # fmt: skip
def test_festivals_of_hong_kong_and_taiwan(year, buddha, good_friday, spring):
    days = {festival.code: festival for festival in festivals_of(year, (HK_TW,))}
    assert days["buddha"].on == date(year, *buddha)
    assert days["good_friday"].on == date(year, *good_friday)
    assert days["spring_festival"].on == date(year, *spring)
    assert days["spring_eve"].on == date(year, *spring) - timedelta(days=1)
    public = {"buddha", "good_friday", "spring_eve", "spring_festival", "double_tenth", "national", "mid_autumn"}
    assert {code for code in public if days[code].public} == public


def test_public_holidays_have_as_many_days_as_the_law_gives():
    public = {festival.code: festival.days for festival in festivals_of(2026) if festival.public}
    assert public == {
        "new_year": 1, "spring_eve": 1, "spring_festival": 3, "qingming": 1, "labour": 2, "dragon_boat": 1,
        "mid_autumn": 1, "national": 3,
    }  # fmt: skip
    assert sum(public.values()) == 13
    # the regulation before 2025 did not name the eve and the second of May
    before = {festival.code: festival.days for festival in festivals_of(2024) if festival.public}
    assert ("spring_eve" in before, before["labour"], sum(before.values())) == (False, 1, 11)


def test_every_festival_has_a_name_and_a_time_to_prepare():
    assert set(NAMES) == festivals.CODES
    assert set(PACK_LABELS) == set(PACKS)
    leads = {festival.code: festival.lead_days for festival in festivals_of(2026, PACKS)}
    # these are prepared with the festival beside them
    assert {code for code, days in leads.items() if not days} == {"spring_eve", "easter_monday", "st_stephen"}
    assert {code for code, days in leads.items() if days and not 7 <= days <= 60} == set()
    double_eleven = next(festival for festival in festivals_of(2026) if festival.code == "singles")
    assert double_eleven.prepare_on == date(2026, 9, 12)


def test_a_festival_of_several_packs_is_listed_once_and_public_where_one_says_so():
    # given christmas, a day of commerce in the mainland with 30 days to prepare and public in the US with 60
    rows = [festival for festival in festivals_of(2026, (CN, US)) if festival.code == "christmas"]
    assert [(row.kind, row.lead_days) for row in rows] == [("public", 60)]
    alone = [festival for festival in festivals_of(2026, (CN,)) if festival.code == "christmas"]
    assert [(row.kind, row.lead_days) for row in alone] == [("commerce", 30)]


@pytest.mark.parametrize(
    ("country", "packs"),
    [("CN", (CN,)), ("HK", (HK_TW,)), ("TW", (HK_TW,)), ("US", (US,)), ("DE", (EU,)), ("fr", (EU,)), ("JP", ())],
)
def test_the_country_gives_the_pack(country, packs):
    assert pack_of(country) == packs


def test_two_laba_days_of_one_solar_year_have_different_editions():
    counts = {year: festivals.days_of(year, 12, 8, lunar_date=True) for year in range(2021, 2051)}
    assert {len(days) for days in counts.values()} == {0, 1, 2}
    year = next(year for year, days in counts.items() if len(days) == 2)
    editions = [festival.edition for festival in festivals_of(year) if festival.code == "laba"]
    assert editions == [year - 1, year]


def test_29_february_moves_to_the_28th():
    assert festivals.days_of(2027, 2, 29, lunar_date=False) == [date(2027, 2, 28)]
