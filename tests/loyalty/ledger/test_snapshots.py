"""Tests of expected breakage and of the months on the loyalty page."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest
from django.db import connection
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st

from core.base.actor import SYSTEM
from core.security.roles import Role
from loyalty.ledger.models import Account, Lot, PointsSnapshot
from loyalty.ledger.rules.breakage import Cohort, Outstanding, expected_breakage, spending_rates
from loyalty.ledger.selectors.trends import trends
from loyalty.ledger.services.adjustments import adjust_points
from loyalty.ledger.services.redemption import redeem_points
from loyalty.ledger.services.snapshots import take_snapshot
from loyalty.tiers.models import TierPeriod


def test_spending_rates_are_shares_of_the_points_still_unspent():
    # given 100 points of which 20 were spent in the first month and 40 of the other 80 a month later; and 100 of which
    # 10 expired first
    old = Cohort(100, [20, 40, 0, 0, 0, 0], [0] * 6)
    new = Cohort(100, [0, 9], [10, 0])
    # then: (20 + 0) / 200, (40 + 9) / (80 + 90), nothing afterwards
    assert spending_rates([old, new]) == pytest.approx([0.1, 49 / 170, 0, 0, 0, 0])


def test_breakage_depends_on_the_months_left():
    cohort = Cohort(1000, [500, 250, 125, 0, 0, 0], [0] * 6)
    assert spending_rates([cohort]) == pytest.approx([0.5, 0.5, 0.5, 0, 0, 0])
    assert expected_breakage([cohort], [Outstanding(800, 0, None)]) == 100
    assert expected_breakage([cohort], [Outstanding(800, 0, 0)]) == 400, "it ends with this month"
    assert expected_breakage([cohort], [Outstanding(800, 2, None), Outstanding(80, 9, None)]) == 400 + 80
    assert expected_breakage([cohort], []) == 0


def test_breakage_needs_six_months_and_some_spending():
    assert expected_breakage([Cohort(100, [10] * 5, [0] * 5)], [Outstanding(100, 0, None)]) is None
    assert expected_breakage([], [Outstanding(100, 0, None)]) is None
    assert expected_breakage([Cohort(100, [0] * 9, [5] * 9)], [Outstanding(100, 0, None)]) is None


@given(
    st.lists(
        st.integers(6, 12).flatmap(
            lambda months: st.tuples(st.integers(1, 10_000),
                                     st.lists(st.integers(0, 100), min_size=months, max_size=months))
        ),
        min_size=1, max_size=6,
    ),
    st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 15), st.none() | st.integers(0, 15)), max_size=6),
)  # fmt: skip
def test_breakage_is_between_zero_and_all_points(made, there):
    cohorts = []
    for issued, shares in made:
        left, spent = issued, []
        for share in shares:
            spent.append(left * share // 100)
            left -= spent[-1]
        cohorts.append(Cohort(issued, spent, [0] * len(spent)))
    outstanding = [Outstanding(*part) for part in there]
    expected = expected_breakage(cohorts, outstanding)
    if expected is not None:
        assert 0 <= expected <= sum(part.points for part in outstanding)


@pytest.fixture
def eight_months(program, make_member) -> None:
    """Each month from January to August 2030, a new member gets 100 points and spends 25 of them on the same day."""
    for month in range(1, 9):
        account = Account.objects.select_related("member__program").get(member=make_member(0))
        _at(account, 100, month, spend=25)


def _at(account: Account, points: int, month: int, spend: int) -> None:
    moment = datetime.fromisoformat(f"2030-{month:02}-10T12:00:00+08:00")
    adjust_points(account=account, points=points, reason="goodwill", key=f"p{month}", actor=SYSTEM)
    redeem_points(account=account, points=spend, key=f"s{month}", actor=SYSTEM)
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute("UPDATE loyalty_entry SET occurred_at = %s WHERE occurred_at < '2030-01-01'", [moment])
        cursor.execute("SET LOCAL session_replication_role = origin")
    Lot.objects.filter(confirmed_at__lt=datetime.fromisoformat("2030-01-01T00:00:00+00:00")).update(
        confirmed_at=moment, available_from=moment
    )


@pytest.mark.django_db
def test_a_snapshot_counts_months_in_the_programs_zone_and_replaces_the_same_day(program, eight_months):
    now = datetime.fromisoformat("2030-08-31T17:00:00+00:00")
    # when it is taken twice on 1 September in Shanghai
    take_snapshot(program=program, at=now)
    snapshot = take_snapshot(program=program, at=now + timedelta(hours=1))
    # then
    assert PointsSnapshot.objects.count() == 1
    assert (snapshot.day, snapshot.points) == (date(2030, 9, 1), 600)
    assert snapshot.months[0]["month"] == "2029-10"
    assert snapshot.months[-2] == {"month": "2030-08", "earned": 0, "spent": 25, "expired": 0, "up": 0, "down": 0}
    assert snapshot.months[-1]["spent"] == 0
    # a quarter is spent in the first month and nothing later: all of today's 600 are past the first month
    assert snapshot.breakage == 600


@pytest.mark.django_db
def test_moves_are_counted_by_month_including_falls_below_the_first_tier(program, make_member):
    tiers = {tier.code: tier for tier in program.tiers.all()}
    first, second = make_member(0), make_member(0)

    def period(member, code, start, end=None):
        TierPeriod.objects.create(
            member=member, tier=tiers[code], reason="qualified", started_at=f"2030-{start}T12:00:00Z",
            ended_at=end and f"2030-{end}T12:00:00Z",
        )  # fmt: skip

    period(first, "bronze", "03-01", "04-02")
    period(first, "gold", "04-02", "06-03")
    period(first, "silver", "06-03")
    period(second, "silver", "04-05", "06-30")
    snapshot = take_snapshot(program=program, at=datetime.fromisoformat("2030-07-15T00:00:00+00:00"))
    moves = {row["month"]: (row["up"], row["down"]) for row in snapshot.months if row["up"] or row["down"]}
    assert moves == {"2030-03": (1, 0), "2030-04": (2, 0), "2030-06": (0, 2)}


@pytest.mark.django_db
def test_the_page_shows_the_same_numbers_as_chart_and_table(client, staff, program, eight_months):
    assert trends(program) is None
    client.force_login(staff(Role.ANALYST))
    assert "figure" not in client.get(reverse("loyalty")).content.decode()
    take_snapshot(program=program, at=datetime.fromisoformat("2030-08-31T17:00:00+00:00"))
    text = client.get(reverse("loyalty")).content.decode()
    assert text.count('<figure class="chart"') == 1
    assert text.count('data-value="25"') == 8
    assert "Expected breakage" in text
    assert "100%, worth" in text
