"""Tests of stacked rules against a model with lists and fractions (L3, L5, L6).

They cover sums, best, multiplied, limits and refunds.
"""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from math import ceil, floor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loyalty.earning.rules.caps import Cap, Counters, caps_with_budget, keys_of
from loyalty.earning.rules.earning import (
    Award,
    Base,
    OrderAmounts,
    OrderLine,
    RuleTerms,
    base_of_lines,
    kept_share,
    multiplied,
    points_after_refund,
    points_for,
)
from loyalty.earning.rules.stacking import StackingCandidate, stack
from loyalty.program.rules.periods import PERIODS, period_end, period_start
from loyalty.triggers.rules.streaks import completed

ROUNDINGS = ("floor", "half_up", "ceiling")
NIL = Decimal(0)
hundredths = st.integers(101, 1_000).map(lambda n: Decimal(n) / 100)


def rounded(exact: Fraction, rounding: str) -> int:
    return {"floor": floor(exact), "ceiling": ceil(exact), "half_up": floor(exact + Fraction(1, 2))}[rounding]


def paid(total: int, refunded: int = 0) -> OrderAmounts:
    return OrderAmounts(total, 0, 0, 0, 0, 0, total, refunded)


@st.composite
def rule_sets(draw):
    count = draw(st.integers(1, 6))
    return [
        (
            draw(st.sampled_from(["sum", "best", "multiply"])),
            draw(st.integers(0, 500)),
            draw(hundredths),
            draw(st.none() | st.integers(0, 400)),
            draw(st.integers(0, 3)),
        )
        for _ in range(count)
    ]


@given(rule_sets(), st.sampled_from(ROUNDINGS), st.integers(1, 4))
def test_any_set_of_rules_gives_what_the_model_gives(rules, rounding, orders):
    counters, day = Counters(), date(2026, 3, 4)
    left = {number: cap for number, (_kind, _points, _factor, cap, _place) in enumerate(rules)}

    def cut(number: int, points: int) -> int:
        room = left[number]
        return points if room is None else min(points, room)

    for _ in range(orders):
        ours = stack(
            [
                StackingCandidate(
                    number, place, kind, Award(points, NIL), factor,
                    {} if cap is None else keys_of(number, 1, day, [Cap("day", "member", cap)]),
                )
                for number, (kind, points, factor, cap, place) in enumerate(rules)
            ],
            rounding,
            counters,
        )  # fmt: skip
        theirs: dict[int, int] = {}
        bests = [n for n, rule in enumerate(rules) if rule[0] == "best"]
        winner = min(bests, key=lambda n: (-cut(n, rules[n][1]), rules[n][4], n)) if bests else None
        for number, (kind, points, _factor, _cap, _place) in enumerate(rules):
            if kind == "sum" or number == winner:
                theirs[number] = cut(number, points)
        if theirs:
            base = sum(theirs.values())
            for number, (kind, _points, factor, _cap, _place) in enumerate(rules):
                if kind == "multiply":
                    theirs[number] = cut(number, rounded(base * (Fraction(factor) - 1), rounding))
        for number, points in theirs.items():
            if left[number] is not None:
                left[number] -= points
        assert {one.rule: one.points for one in ours} == theirs
        assert all(one.cut >= 0 for one in ours)


def test_stacking_matches_a_worked_example():
    # given a rate of 100, a campaign of 40, two best-of rules of 80 and 60, and a double day
    rules = [
        StackingCandidate(1, 0, "sum", Award(100, NIL)),
        StackingCandidate(2, 0, "sum", Award(40, NIL)),
        StackingCandidate(3, 5, "best", Award(80, NIL)),
        StackingCandidate(4, 1, "best", Award(60, NIL)),
        StackingCandidate(5, 0, "multiply", Award(0, NIL), Decimal("2")),
        StackingCandidate(6, 0, "multiply", Award(0, NIL), Decimal("1.5")),
    ]
    # then 100 + 40 + 80 = 220; the doubling adds 220 and the factor 1.5 adds 110, because no multiplier sees another
    # one
    assert [(one.rule, one.points) for one in stack(rules, "floor", Counters())] == [
        (1, 100), (2, 40), (3, 80), (5, 220), (6, 110),
    ]  # fmt: skip


def test_the_smaller_position_wins_between_equal_best_rules():
    rules = [StackingCandidate(1, 7, "best", Award(50, NIL)), StackingCandidate(2, 3, "best", Award(50, NIL))]
    assert [one.rule for one in stack(rules, "floor", Counters())] == [2]
    # and a limit counts: 50 cut to 10 are less than 40
    keys = keys_of(2, 1, date(2026, 1, 1), [Cap("ever", "member", 10)])
    rules = [
        StackingCandidate(1, 7, "best", Award(40, NIL)),
        StackingCandidate(2, 3, "best", Award(50, NIL), keys=keys),
    ]
    assert [(one.rule, one.points, one.cut) for one in stack(rules, "floor", Counters())] == [(1, 40, 0)]


def test_a_multiplying_rule_alone_earns_nothing():
    assert stack([StackingCandidate(1, 0, "multiply", Award(0, NIL), Decimal(2))], "floor", Counters()) == []


@given(st.integers(0, 10**9), st.integers(1, 999), st.integers(1, 10**5), hundredths, st.sampled_from(ROUNDINGS))
def test_rounding_is_stated_exactly(base, points, per, multiplier, rounding):
    terms = RuleTerms(points, per)
    award = points_for(base, terms, multiplier, rounding)
    exact = Fraction(base * points, per) * Fraction(multiplier)
    assert award.points == rounded(exact, rounding)
    assert abs(Fraction(award.remainder) - (exact - award.points)) <= Fraction(1, 10**6)


@given(
    st.integers(1, 10**7), st.lists(st.integers(0, 10**7), max_size=4), st.integers(1, 50),
    st.none() | st.integers(1, 500), hundredths, st.sampled_from(ROUNDINGS),
)  # fmt: skip
def test_refunds_take_ever_more_and_everything_in_the_end(total, steps, points, per, multiplier, rounding):
    terms = RuleTerms(points, per)
    given_ = points_for(total, terms, multiplier, rounding).points
    kept, refunded = given_, 0
    for step in (*steps, total):
        refunded = min(total, refunded + step)
        now = points_after_refund(total, paid(total, refunded), terms, multiplier, rounding)
        if refunded == total:
            expected = 0
        elif per is None:
            expected = given_
        else:
            expected = rounded(Fraction(total - refunded) * points / per * Fraction(multiplier), rounding)
        assert now == expected
        assert now <= kept
        kept = now
    assert kept == 0


def test_fixed_points_stay_until_a_full_refund():
    terms = RuleTerms(50, None)
    assert points_for(0, terms, Decimal("1.5"), "floor").points == 75
    assert points_after_refund(100_00, paid(100_00, 99_99), terms, Decimal("1.5"), "floor") == 75
    assert points_after_refund(100_00, paid(100_00, 100_00), terms, Decimal("1.5"), "floor") == 0


def test_lines_share_discount_and_points_with_a_stated_remainder():
    # given coffee 60.00 and tea 40.00, less 10.01 of discount and points
    coffee, tea = OrderLine(1, 60_00, "C", "Coffee"), OrderLine(2, 40_00, "T", "Tea")
    base = 100_00 - 10_01
    # then 60 % and 40 % of 89.99, rounded down, with stated remainders
    assert base_of_lines(base, [coffee, tea], [coffee]) == Base(53_99, Decimal("0.400000"))
    assert base_of_lines(base, [coffee, tea], [tea]) == Base(35_99, Decimal("0.600000"))
    assert base_of_lines(base, [coffee, tea], [coffee, tea]) == Base(89_99, Decimal(0))
    assert base_of_lines(base, [coffee, tea], []) == Base(0)


@given(st.integers(0, 10**9), st.lists(st.integers(1, 10**6), min_size=1, max_size=6))
def test_the_shares_of_all_lines_add_up_to_the_base(base, amounts):
    lines = [OrderLine(number, amount) for number, amount in enumerate(amounts)]
    shares = [base_of_lines(base, lines, [line]) for line in lines]
    whole = sum(Fraction(share.amount) + Fraction(share.remainder) for share in shares)
    assert abs(whole - base) <= Fraction(len(lines), 10**6)


def test_a_refunded_line_takes_only_its_own_points():
    whole = [OrderLine(1, 60_00), OrderLine(2, 40_00)]
    # the other line was returned: nothing is taken
    assert kept_share(paid(100_00, 40_00), [whole[0], OrderLine(2, 40_00, refunded=40_00)], [whole[0]]) == 1
    # this line was returned: all is taken
    gone = OrderLine(1, 60_00, refunded=60_00)
    assert kept_share(paid(100_00, 60_00), [gone, whole[1]], [gone]) == 0
    # 30.00 without a line reduce what is left: tea was returned, so half of the coffee's 60.00
    assert kept_share(paid(100_00, 70_00), [whole[0], OrderLine(2, 40_00, refunded=40_00)], [whole[0]]) == Fraction(
        1, 2
    )
    # and without lines it is pro rata to the total
    assert kept_share(paid(100_00, 25_00)) == Fraction(3, 4)


def test_a_multiplying_rule_is_taken_back_by_its_own_arithmetic():
    assert multiplied(101, Decimal("1.5"), "floor").points == 50
    assert multiplied(101, Decimal("1.5"), "ceiling").points == 51
    assert multiplied(101, Decimal("1.5"), "half_up") == Award(51, Decimal("-0.500000"))


@pytest.mark.parametrize(
    ("period", "start"),
    [
        ("day", date(2026, 3, 4)),
        ("week", date(2026, 3, 2)),
        ("month", date(2026, 3, 1)),
        ("year", date(2026, 1, 1)),
        ("ever", date(1970, 1, 1)),
    ],
)
def test_periods_begin_on_their_first_day(period, start):
    assert period_start(period, date(2026, 3, 4)) == start
    assert period_start(period, start) == start


@given(st.dates(date(2000, 1, 1), date(2100, 1, 1)), st.sampled_from(PERIODS))
def test_every_day_lies_in_exactly_one_period(day, period):
    start = period_start(period, day)
    end = period_end(period, start)
    assert start <= day
    if end is None:
        assert period == "ever"
    else:
        assert day < end == period_start(period, end)


def test_a_budget_is_a_total_limit_for_all_members():
    caps = caps_with_budget([Cap("day", "member", 10)], 500)
    assert keys_of(1, 2, date(2026, 3, 4), caps) == {
        (1, 2, "day", date(2026, 3, 4)): 10,
        (1, None, "ever", date(1970, 1, 1)): 500,
    }


def test_a_streak_gives_and_begins_again():
    first = date(2026, 2, 26)
    days = [first + timedelta(days=n) for n in (0, 1, 2, 3, 4, 5, 6, 8, 9, 10)]
    # three in a row on the third and the sixth; the seventh is alone, and after the gap it takes three again
    assert completed(days, 3, None) == [days[2], days[5], days[9]]
    assert completed(days, 3, days[2]) == [days[5], days[9]]
    assert completed([*days, *days], 7, None) == [days[6]]
    assert completed([], 3, None) == []
