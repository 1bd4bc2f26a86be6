"""Test the member day: the dates of each setting, the settings page, and the condition of earning rules."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from django.urls import reverse

from core.base.actor import SYSTEM
from core.base.errors import Invalid
from core.security.roles import Role
from loyalty.earning.registry import clean_conditions
from loyalty.program.labels import member_day_words
from loyalty.program.models import Program
from loyalty.program.rules.member_days import DAY, WEEKDAY, MemberDay
from loyalty.program.selectors import member_day, program_day
from loyalty.program.services import programs
from loyalty.program.services.settings import update_program
from tests.loyalty.earning.samples import earned


@pytest.mark.parametrize(
    ("setting", "days"),
    [
        (MemberDay(DAY, 8), [(1, 8), (2, 8), (3, 8), (4, 8)]),
        (MemberDay(DAY, 31), [(1, 31), (2, 28), (3, 31), (4, 30)]),
        # Fridays of 2026: 2 January, 6 February, 6 March, 3 April
        (MemberDay(WEEKDAY, 1, 5), [(1, 2), (2, 6), (3, 6), (4, 3)]),
        (MemberDay(WEEKDAY, 4, 5), [(1, 23), (2, 27), (3, 27), (4, 24)]),
        (MemberDay(WEEKDAY, 5, 5), [(1, 30), (2, 27), (3, 27), (4, 24)]),
        (MemberDay(WEEKDAY, 2, 1), [(1, 12), (2, 9), (3, 9), (4, 13)]),
    ],
)
def test_each_month_has_one_member_day(setting, days):
    dates = [date(2026, month, day) for month, day in days]
    assert setting.between(date(2026, 1, 1), date(2026, 4, 30)) == dates
    assert all(setting.falls_on(on) for on in dates)
    assert not setting.falls_on(date(2026, 1, 3))
    assert setting.next_from(date(2026, 1, 31)) == (dates[0] if dates[0] == date(2026, 1, 31) else dates[1])


def test_a_window_counts_both_of_its_days():
    setting = MemberDay(DAY, 8)
    assert setting.between(date(2026, 1, 8), date(2026, 2, 8)) == [date(2026, 1, 8), date(2026, 2, 8)]
    assert setting.between(date(2026, 1, 9), date(2026, 2, 7)) == []
    assert setting.between(date(2025, 12, 9), date(2026, 1, 8)) == [date(2026, 1, 8)]


def test_the_setting_in_words():
    assert member_day_words(MemberDay(DAY, 8)) == "day 8 of each month"
    assert member_day_words(MemberDay(WEEKDAY, 5, 5)) == "the last Friday of each month"
    assert member_day_words(MemberDay(WEEKDAY, 2, 1)) == "Monday number 2 of each month"


@pytest.mark.django_db
class TestSetting:
    def test_there_is_none_until_it_is_set(self, program):
        assert member_day() is None
        update_program(
            program=program, member_day_kind="weekday", member_day_number=2, member_day_weekday=3, actor=SYSTEM
        )
        assert member_day() == MemberDay("weekday", 2, 3)
        update_program(program=program, member_day_kind="", actor=SYSTEM)
        assert member_day() is None

    @pytest.mark.parametrize(
        ("values", "code", "field"),
        [
            ({"member_day_kind": "weekday", "member_day_number": 6}, "invalid", "member_day_number"),
            ({"member_day_kind": "day", "member_day_number": 32}, "invalid", "member_day_number"),
            ({"member_day_weekday": 8}, "invalid", "member_day_weekday"),
        ],
    )
    @pytest.mark.parametrize("update", [update_program, programs.update_program])
    def test_a_day_that_no_month_has_is_refused(self, program, update, values, code, field):
        update_program(program=program, member_day_kind="day", member_day_number=8, actor=SYSTEM)
        with pytest.raises(Invalid) as caught:
            update(program=program, actor=SYSTEM, **values)
        assert (caught.value.code, caught.value.field) == (code, field)
        assert member_day() == MemberDay("day", 8, 5)

    def test_an_unknown_kind_is_refused(self, program):
        with pytest.raises(Invalid) as caught:
            update_program(program=program, member_day_kind="moon", actor=SYSTEM)
        assert (caught.value.code, caught.value.field) == ("invalid_choice", "member_day_kind")
        assert member_day() is None

    def test_the_settings_page_sets_it(self, client, staff, program):
        client.force_login(staff(Role.MARKETER))
        address = reverse("loyalty_program")
        form = client.get(address).context["form"]
        values = {name: form[name].value() for name in form.fields if form[name].value() is not None}
        sent = {**values, "member_day_kind": "weekday", "member_day_number": "5", "member_day_weekday": "6"}
        client.post(address, sent)
        assert member_day() == MemberDay("weekday", 5, 6)

    def test_the_day_is_in_the_zone_of_the_program(self, program):
        assert program_day(datetime(2026, 3, 7, 15, 59, tzinfo=UTC)) == date(2026, 3, 7)
        assert program_day(datetime(2026, 3, 7, 16, 0, tzinfo=UTC)) == date(2026, 3, 8)


@pytest.mark.django_db
class TestEarning:
    def test_orders_earn_on_the_member_day_of_the_programs_zone(
        self, program, make_customer, make_order, make_rule, only, settle
    ):
        # given a member day on the 8th in Shanghai and a rule for it
        Program.objects.update(member_day_kind="day", member_day_number=8)
        make_rule("Member day", points=5, per_amount=None, conditions=[{"kind": "member_day"}])
        customer = make_customer()
        # when orders are paid one minute around its ends
        moments = [
            datetime(2026, 3, 7, 15, 59, tzinfo=UTC), datetime(2026, 3, 7, 16, 0, tzinfo=UTC),
            datetime(2026, 3, 8, 15, 59, tzinfo=UTC), datetime(2026, 3, 8, 16, 0, tzinfo=UTC),
        ]  # fmt: skip
        orders = [make_order(customer, 10_00, paid_at=at) for at in moments]
        settle()
        # then the two on the day earn
        assert [earned(order) for order in orders] == [{}, {"Member day": 5}, {"Member day": 5}, {}]

    def test_a_rule_needs_a_member_day(self, program):
        with pytest.raises(Invalid) as caught:
            clean_conditions([{"kind": "member_day"}], program=program, trigger="order")
        assert (caught.value.code, caught.value.field) == ("no_member_day", "conditions")
        Program.objects.update(member_day_kind="day")
        assert clean_conditions([{"kind": "member_day"}], program=program, trigger="order") == [{"kind": "member_day"}]
