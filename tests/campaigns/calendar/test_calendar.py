"""Test the lunar calendar, festivals and the shop's own days."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from django.urls import reverse

from campaigns.calendar.models import ShopDay
from campaigns.calendar.rules import festivals, lunar
from campaigns.calendar.rules.festivals import festivals_of
from campaigns.calendar.rules.lunar import LunarDate, to_lunar, to_solar
from campaigns.calendar.services import add_shop_day
from campaigns.reports.console.calendar import NAMES
from core.base.actor import SYSTEM
from core.base.errors import Invalid
from core.security.roles import Role


def on(year: int) -> dict:
    return {festival.code: festival.on for festival in festivals_of(year)}


def test_the_years_of_the_table_join_without_a_gap():
    for year in range(lunar.FIRST, lunar.LAST):
        days = sum(length for _month, _leap, length in lunar.months_of(year))
        assert lunar.new_year(year) + timedelta(days=days) == lunar.new_year(year + 1), year


def test_both_ways_lead_back_on_every_day():
    day = lunar.new_year(lunar.FIRST)
    while day < lunar.new_year(lunar.LAST):
        found = to_lunar(day)
        assert found is not None
        assert to_solar(found.year, found.month, found.day, leap=found.leap) == day
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


@pytest.mark.parametrize(
    ("year", "expected"),
    [
        (
            2025,
            {
                "spring_festival": (1, 28),
                "qingming": (4, 4),
                "dragon_boat": (5, 31),
                "mid_autumn": (10, 6),
                "qixi": (8, 29),
            },
        ),
        (
            2026,
            {
                "spring_festival": (2, 16),
                "qingming": (4, 5),
                "dragon_boat": (6, 19),
                "mid_autumn": (9, 25),
                "qixi": (8, 19),
            },
        ),
        (
            2027,
            {
                "spring_festival": (2, 5),
                "dragon_boat": (6, 9),
                "mid_autumn": (9, 15),
                "laba": (1, 15),
                "mother": (5, 9),
            },
        ),
        (2028, {"spring_festival": (1, 25), "lantern": (2, 9), "father": (6, 18), "double_ninth": (10, 26)}),
    ],
)
def test_festivals_of_known_years(year, expected):
    assert {code: on(year)[code] for code in expected} == {code: date(year, *day) for code, day in expected.items()}


def test_every_festival_has_a_name_and_public_ones_their_days():
    assert set(NAMES) == festivals.CODES
    assert {festival.code for year in (2026, 2033, 2050) for festival in festivals_of(year)} <= set(NAMES)
    public = {festival.code: festival.days for festival in festivals_of(2026) if festival.public}
    assert public == {
        "new_year": 1, "spring_festival": 4, "qingming": 1, "labour": 2, "dragon_boat": 1, 
        "mid_autumn": 1, "national": 3,
    }  # fmt: skip
    assert sum(public.values()) == 13, "as many days as the regulation gives"


def test_a_lunar_day_may_fall_twice_into_a_year_or_not_at_all():
    twice = festivals.days_of(2028, 12, 8, lunar_date=True)
    counts = {year: len(festivals.days_of(year, 12, 8, lunar_date=True)) for year in range(2021, 2051)}
    assert set(counts.values()) == {0, 1, 2}
    assert all(day.year == 2028 for day in twice)
    assert festivals.days_of(2027, 2, 29, lunar_date=False) == [date(2027, 2, 28)]


@pytest.mark.django_db
def test_own_days_are_listed_with_a_link_to_plan(client, staff):
    client.force_login(staff(Role.MARKETER))
    address = reverse("calendar")
    client.post(f"{address}?year=2030", {"name": "Founding day", "month": "8", "day": "15", "by_lunar": "on"})
    client.post(address, {"name": "Once", "month": "3", "day": "3", "year": "2031"})
    assert ShopDay.objects.count() == 2
    client.get(address)
    page = client.get(address, {"year": "2030"}).content.decode()
    assert "Founding day" in page
    assert "Once" not in page
    assert "name=Spring+Festival+2030" in page
    days = {
        entry.name: day.on
        for _label, days in client.get(address, {"year": "2030"}).context["months"]
        for day in days
        for entry in day.entries
    }
    assert days["Founding day"] == days["Mid-Autumn Festival"] == date(2030, 9, 12)
    planned = client.get(
        reverse("broadcast_new"), {"name": "Spring Festival 2030", "send_on": "2030-02-02", "send_time": "10:00"}
    )
    assert 'value="2030-02-02"' in planned.content.decode()
    client.post(reverse("calendar_remove", args=[ShopDay.objects.get(name="Once").pk]))
    assert ShopDay.objects.count() == 1
    for odd in ("1999", "9999", "x", "²⁰²⁶"):
        assert client.get(address, {"year": odd}).status_code == 200


@pytest.mark.django_db
def test_a_day_that_does_not_exist_is_refused(client, staff):
    for fields, name in (
        ({"month": 2, "day": 30}, "day"), ({"month": 13, "day": 1}, "month"),
        ({"month": 1, "day": 31, "by_lunar": True}, "day"), ({"month": 1, "day": 1, "year": 2051}, "year"),
    ):  # fmt: skip
        with pytest.raises(Invalid) as caught:
            add_shop_day(name="X", actor=SYSTEM, **fields)
        assert caught.value.field == name
    client.force_login(staff(Role.ANALYST))
    client.post(reverse("calendar"), {"name": "X", "month": "1", "day": "1"})
    assert not ShopDay.objects.exists()
