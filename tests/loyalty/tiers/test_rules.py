"""Tests of windows and decisions of tiers on plain values (T1 to T4)."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from loyalty.tiers.rules import TierPeriodPolicy, limits, step_for, windows
from tests.reference.tiers import Facts, Move, decide, is_due

ZONE = "Asia/Shanghai"


def utc(year: int, month: int, day: int, hour: int = 0) -> datetime:
    return datetime(year, month, day, hour, tzinfo=UTC)


# Midnight in Shanghai is 16:00 UTC of the day before.
AT = utc(2026, 3, 10, 4)


def policy(period: str, grace: int = 0) -> TierPeriodPolicy:
    return TierPeriodPolicy(period, 365, grace, ZONE)


def test_the_rolling_period_ends_every_night_and_grace_widens_the_window_to_stay():
    spans = windows(policy("rolling", 30), AT, utc(2020, 1, 1), None)
    assert (spans.up_from, spans.keep_from, spans.keep_to) == (utc(2025, 3, 10, 4), utc(2025, 2, 8, 4), None)
    assert is_due(spans, AT.replace(day=9), AT)
    assert spans.ends_at is None


def test_a_calendar_year_is_in_the_programs_zone():
    spans = windows(policy("calendar_year", 31), AT, utc(2020, 1, 1), None)
    assert spans.up_from == utc(2025, 12, 31, 16)
    assert (spans.keep_from, spans.keep_to) == (utc(2024, 12, 31, 16), utc(2026, 1, 31, 16))
    assert spans.ends_at == utc(2026, 12, 31, 16)
    assert spans.due_at == utc(2026, 1, 31, 16)
    # then it is due once, at the first run after the grace
    assert is_due(spans, utc(2026, 1, 31, 15), utc(2026, 1, 31, 17))
    assert not is_due(spans, utc(2026, 1, 31, 17), AT)
    assert is_due(spans, None, AT)


def test_a_year_of_membership_that_began_on_29_february_ends_on_the_28th():
    spans = windows(policy("membership_anniversary"), AT, utc(2024, 2, 29), None)
    assert spans.up_from == utc(2026, 2, 27, 16)
    assert (spans.keep_from, spans.keep_to) == (utc(2025, 2, 27, 16), utc(2026, 2, 27, 16))
    assert windows(policy("membership_anniversary"), utc(2028, 3, 1), utc(2024, 2, 29), None).up_from == utc(
        2028, 2, 28, 16
    )


def test_the_first_year_of_a_membership_is_never_due():
    assert windows(policy("membership_anniversary"), AT, utc(2025, 6, 1), None).due_at is None
    assert not is_due(windows(policy("membership_anniversary"), AT, utc(2025, 6, 1), None), None, AT)


def test_a_tiers_anniversary_counts_the_last_year_up_and_the_tiers_year_to_stay():
    spans = windows(policy("tier_anniversary"), AT, utc(2020, 1, 1), utc(2025, 1, 20))
    assert spans.up_from == utc(2025, 3, 9, 16)
    assert (spans.keep_from, spans.keep_to) == (utc(2025, 1, 19, 16), utc(2026, 1, 19, 16))
    assert (spans.due_at, spans.ends_at) == (utc(2026, 1, 19, 16), utc(2027, 1, 19, 16))


def test_a_higher_tier_with_a_lower_threshold_is_reached_by_it():
    assert limits([100, 500, 300]) == [100, 300, 300]
    assert [step_for(value, [100, 300, 300]) for value in (0, 99, 100, 299, 300, 900)] == [0, 0, 1, 1, 3, 3]


@pytest.mark.parametrize(
    ("facts", "move"),
    [
        # T2: up at once, by an earned or a given tier
        (Facts(before=1, earned=3, kept=3), Move(3, "qualified")),
        (Facts(before=1, earned=2, kept=2, floor=3, floor_kind="paid"), Move(3, "paid")),
        (Facts(before=1, earned=3, kept=3, floor=3, floor_kind="paid"), Move(3, "qualified")),
        # only the running period moves up; the last one does not
        (Facts(before=1, earned=1, kept=3), None),
        # T2: down only when a period ended
        (Facts(before=3, earned=0, kept=1), None),
        (Facts(before=3, earned=0, kept=1, due=True), Move(1, "period_ended")),
        (Facts(before=3, earned=0, kept=3, due=True), None),
        # T3: locked, or held by a floor
        (Facts(before=3, earned=0, kept=0, due=True, locked=True), None),
        (Facts(before=1, earned=3, kept=3, locked=True), None),
        (Facts(before=3, earned=0, kept=0, due=True, floor=3, floor_kind="manual", given=True), None),
        (Facts(before=3, earned=0, kept=0, due=True, floor=2, floor_kind="manual"), Move(2, "manual")),
        # T3: the given tier has ended, whatever the period
        (Facts(before=3, earned=1, kept=2, given=True), Move(2, "period_ended")),
        (Facts(before=3, earned=1, kept=3, given=True), Move(3, "qualified")),
        (Facts(before=3, earned=0, kept=0, given=True, refunded=True), Move(0, "returned")),
        # T4: a return undid it
        (Facts(before=3, earned=1, kept=1, had=3), Move(1, "returned")),
        (Facts(before=3, earned=1, kept=1, had=2), None),
    ],
)
def test_decisions_at_the_end_of_a_day(facts, move):
    assert decide(facts, downgrade=True, one_step=False) == move


def test_one_step_down_never_goes_below_the_qualified_tier():
    down = {"downgrade": True, "one_step": True}
    assert decide(Facts(before=4, earned=0, kept=0, due=True), **down) == Move(3, "period_ended")
    assert decide(Facts(before=4, earned=3, kept=3, due=True), **down) == Move(3, "period_ended")
    assert decide(Facts(before=1, earned=0, kept=0, due=True), **down) == Move(0, "period_ended")
    # a return is undone in full
    assert decide(Facts(before=4, earned=0, kept=0, had=4), **down) == Move(0, "returned")


def test_no_member_goes_down_during_the_day():
    for facts in (Facts(before=3, earned=0, kept=0, due=True), Facts(before=3, earned=0, kept=0, given=True)):
        assert decide(facts, downgrade=False, one_step=False) is None
