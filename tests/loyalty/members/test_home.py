"""Purchases of members in 30 days and in the 30 days before."""

from __future__ import annotations

import pytest

from core.base.actor import SYSTEM
from core.console import kept
from core.security.roles import Role
from loyalty.ledger.services.enrolment import enrol_member
from loyalty.members.selectors import NOTHING, members_periods

pytestmark = pytest.mark.django_db


def test_revenue_and_repeat_rate_of_members(client, staff, program, make_customer, make_order):
    """Given members with one order, with two, with an earlier one, and someone who is no member."""
    once, twice, back = (make_customer() for _ in range(3))
    for member in (once, twice, back):
        enrol_member(customer=member, program=program, actor=SYSTEM)
    make_order(once, 100_00, days_ago=1)
    make_order(twice, 50_00, days_ago=2)
    make_order(twice, 50_00, days_ago=3)
    make_order(back, 30_00, days_ago=4)
    make_order(back, 20_00, days_ago=40)
    make_order(back, 10_00, days_ago=70)
    make_order(None, 999_00, days_ago=1)
    figures = members_periods()
    assert figures == {
        "currency": "CNY",
        "now": {"net": 230_00, "orders": 4, "buyers": 3, "repeat": 2},
        "before": {"net": 20_00, "orders": 1, "buyers": 1, "repeat": 1},
    }
    kept.keep(["loyalty.members_periods"])
    client.force_login(staff(Role.MARKETER))
    page = client.get("/").content.decode()
    assert "¥230.00" in page
    assert "¥20.00 in the 30 days before" in page
    assert "66.7%" in page


def test_without_a_program_there_is_nothing(store):
    assert members_periods() == {"currency": "", "now": NOTHING, "before": NOTHING}
