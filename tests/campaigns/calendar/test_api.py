"""Test the calendar of the API."""

from __future__ import annotations

import pytest

from campaigns.calendar.services import add_shop_day, choose_packs
from core.base.actor import SYSTEM
from loyalty.program.models import Program

pytestmark = pytest.mark.django_db


def test_entries_by_day(api, program):
    # given the packs of the mainland and the US, a member day and a day of the shop
    choose_packs(packs=["cn", "us"], actor=SYSTEM)
    Program.objects.update(member_day_kind="day", member_day_number=26)
    day = add_shop_day(name="Founding day", month=11, day=26, actor=SYSTEM)
    # when two days are read
    answer = api.get("/api/v1/calendar", {"first": "2026-11-26", "last": "2026-11-27"})
    # then each entry has its kind, code and phase
    assert answer.status_code == 200
    rows = [
        (row["on"], row["kind"], row["phase"], row["name"], row["festival"], row["festival_kind"], row["id"])
        for row in answer.json()["entries"]
    ]
    assert rows == [
        ("2026-11-26", "festival", "on", "Thanksgiving", "thanksgiving", "public", None),
        ("2026-11-26", "member_day", "on", "", "", "", None),
        ("2026-11-26", "shop_day", "on", "Founding day", "", "", day.pk),
        ("2026-11-27", "festival", "on", "Black Friday", "black_friday", "commerce", None),
    ]


def test_one_kind_and_the_day_to_prepare(api, program):
    query = {"first": "2026-09-12", "last": "2026-09-12", "kind": "festival"}
    rows = api.get("/api/v1/calendar", query).json()["entries"]
    assert [(row["phase"], row["festival"], row["about"]) for row in rows] == [("prepare", "singles", "2026-11-11")]


@pytest.mark.parametrize(
    ("first", "last"), [("2026-11-27", "2026-11-26"), ("2026-01-01", "2027-03-01"), ("2020-12-31", "2021-01-02"),
                        ("2050-12-01", "2051-01-01")],
)  # fmt: skip
def test_a_wrong_range_is_refused(api, program, first, last):
    answer = api.get("/api/v1/calendar", {"first": first, "last": last})
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (400, "out_of_range")


def test_a_missing_day_is_refused(api, program):
    answer = api.get("/api/v1/calendar", {"first": "2026-11-26"})
    assert (answer.status_code, answer.json()["errors"][0]["attr"]) == (400, "last")
