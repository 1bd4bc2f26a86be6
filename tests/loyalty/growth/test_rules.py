"""Tests of periods, days in a row and levels on plain values."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from loyalty.growth.rules import LevelGoal, levels_problem, net_amount, newly_reached
from loyalty.program.rules.periods import EVER, local_day, period_end, period_start
from loyalty.triggers.rules.streaks import Runs, current_run, runs_of

WEDNESDAY = date(2026, 12, 30)


@pytest.mark.parametrize(
    ("period", "start", "end"),
    [
        ("ever", EVER, None),
        ("day", date(2026, 12, 30), date(2026, 12, 31)),
        ("week", date(2026, 12, 28), date(2027, 1, 4)),
        ("month", date(2026, 12, 1), date(2027, 1, 1)),
        ("year", date(2026, 1, 1), date(2027, 1, 1)),
    ],
)
def test_a_day_lies_in_one_period(period, start, end):
    assert period_start(period, WEDNESDAY) == start
    assert period_end(period, start) == end
    if end is not None:
        assert period_start(period, end) == end
        assert period_start(period, end - timedelta(days=1)) == start


def test_the_day_is_in_the_programs_zone():
    assert local_day(datetime(2026, 11, 30, 16, 30, tzinfo=UTC), "Asia/Shanghai") == date(2026, 12, 1)
    assert local_day(datetime(2026, 11, 30, 15, 30, tzinfo=UTC), "Asia/Shanghai") == date(2026, 11, 30)


def days(*numbers: int) -> list[date]:
    return [date(2026, 11, number) for number in numbers]


@pytest.mark.parametrize(
    ("given", "runs"),
    [
        ((), Runs(0, 0)),
        ((5,), Runs(1, 1)),
        ((5, 5, 5), Runs(1, 1)),
        ((3, 1, 2), Runs(3, 3)),
        ((1, 2, 3, 5), Runs(1, 3)),
        ((1, 3), Runs(1, 1)),
        ((1, 2, 3), Runs(3, 3)),
    ],
)
def test_runs_of_days_are_counted(given, runs):
    assert runs_of(days(*given)) == runs


def test_a_run_holds_until_the_end_of_the_next_day():
    last = date(2026, 11, 20)
    assert current_run(4, last, date(2026, 11, 20)) == 4
    assert current_run(4, last, date(2026, 11, 21)) == 4
    assert current_run(4, last, date(2026, 11, 22)) == 0
    assert current_run(0, None, date(2026, 11, 22)) == 0


def test_levels_are_reached_at_their_goal_and_each_once():
    goals = [LevelGoal(1, 1), LevelGoal(2, 5), LevelGoal(3, 10)]
    assert newly_reached(goals, 0, 0) == []
    assert newly_reached(goals, 5, 0) == [LevelGoal(1, 1), LevelGoal(2, 5)]
    assert newly_reached(goals, 9, 2) == []
    assert newly_reached(goals, 10, 2) == [LevelGoal(3, 10)]


@pytest.mark.parametrize(
    ("goals", "problem"),
    [([], "none"), ([1], ""), ([1, 2, 30], ""), ([2, 2], "not_rising"), ([3, 1], "not_rising"), ([0, 1], "not_rising"),
     (list(range(1, 22)), "too_many")],
)  # fmt: skip
def test_goals_must_rise(goals, problem):
    assert levels_problem(goals) == problem


def test_an_order_counts_without_its_refunded_part():
    assert net_amount(9_000, 10_000, 0) == 9_000
    assert net_amount(9_000, 10_000, 3_333) == 6_000
    assert net_amount(9_000, 10_000, 10_000) == 0
    assert net_amount(9_000, 0, 1) == 0
