"""Test the dates on which many points expire, for the marketing calendar."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from core.base import clock
from core.base.actor import SYSTEM
from loyalty.ledger.models import Account, Lot
from loyalty.ledger.selectors.expiries import days_of_many_expiries
from loyalty.ledger.services.adjustments import adjust_points
from loyalty.ledger.services.enrolment import enrol_member
from loyalty.program.models import Member

pytestmark = pytest.mark.django_db
SHANGHAI = ZoneInfo("Asia/Shanghai")


@pytest.fixture
def holds(program, make_customer):
    def make(name: str, *lots: tuple[int, date]) -> Account:
        customer = make_customer(name)
        enrol_member(customer=customer, program=program, actor=SYSTEM)
        account = Account.objects.select_related("member__program").get(member__customer=customer)
        for number, (points, last) in enumerate(lots):
            adjust_points(account=account, points=points, reason="goodwill", key=f"{name}{number}", actor=SYSTEM)
            # the lot ends at the midnight after its last day
            ends = datetime.combine(last + timedelta(days=1), time(), SHANGHAI)
            Lot.objects.filter(account=account, expires_at=None).update(expires_at=ends)
        return account

    return make


def test_days_with_at_least_two_percent_of_the_points_are_listed(holds):
    today = clock.now().astimezone(SHANGHAI).date()
    first, second, far = today + timedelta(days=20), today + timedelta(days=50), today + timedelta(days=401)
    # given two members with points of three dates, and some that expire too late to count
    holds("A", (500, first), (19, second))
    holds("B", (462, first), (19, today + timedelta(days=90)), (800, far))
    # when the days are counted: 1,000 points expire, and 19 of them are less than 2%
    assert days_of_many_expiries() == [{"on": first.isoformat(), "points": 962, "members": 2}]
    # then one point more on the second date lists it
    holds("C", (2, second))
    assert days_of_many_expiries() == [
        {"on": first.isoformat(), "points": 962, "members": 2},
        {"on": second.isoformat(), "points": 21, "members": 2},
    ]


def test_points_of_members_who_left_do_not_count(holds):
    account = holds("A", (500, clock.now().date() + timedelta(days=20)))
    Member.objects.filter(pk=account.member_id).update(state="left")
    assert days_of_many_expiries() == []
