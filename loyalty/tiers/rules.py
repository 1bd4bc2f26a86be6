"""Rules of a member's tier: the windows that count, and the decision. The SQL of services/tiers.py does the same.

Tiers are steps here: 0 is below the first, 1 the lowest. All windows are half-open, [from, to).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import groupby
from zoneinfo import ZoneInfo


@dataclass(frozen=True)
class TierPeriodPolicy:
    """Policy of tier periods. `period` and `downgrade` are values of TierPolicy and TierDowngrade.

    `window_days` is only for the rolling period.
    """

    period: str
    window_days: int
    grace_days: int
    time_zone: str
    downgrade: str = "to_qualified"


@dataclass(frozen=True)
class Windows:
    """Windows of one member: from `up_from` to now to go up, from `keep_from` to `keep_to` (None: now) to stay.

    `due_at` is when the last period with its grace ended; None while none has. The rolling period ends every night.
    `began` and `ends_at` are the running period. They are None for the rolling one, whose end depends on its contents.
    """

    up_from: datetime
    keep_from: datetime
    keep_to: datetime | None
    due_at: datetime | None
    began: datetime | None = None
    ends_at: datetime | None = None

    def is_due(self, last_run: datetime | None, at: datetime) -> bool:
        """Return whether a period has ended since the last run."""
        return self.due_at is not None and self.due_at <= at and (last_run is None or self.due_at > last_run)


def years_after(day: date, years: int) -> date:
    """Return the same day so many years later; 29 February becomes the 28th in other years."""
    try:
        return day.replace(year=day.year + years)
    except ValueError:
        return day.replace(year=day.year + years, day=28)


def windows(policy: TierPeriodPolicy, at: datetime, enrolled_at: datetime, tier_since: datetime | None) -> Windows:
    """Return the windows of one member at a moment. Without a tier, its anniversary is that of the enrolment."""
    zone = ZoneInfo(policy.time_zone)
    grace = timedelta(days=policy.grace_days)

    def midnight(day: date) -> datetime:
        return datetime.combine(day, time(), zone).astimezone(UTC)

    today = at.astimezone(zone).date()
    if policy.period == "rolling":
        window = timedelta(days=policy.window_days)
        return Windows(at - window, at - window - grace, None, at)
    if policy.period == "calendar_year":
        first = date(today.year, 1, 1)
        return Windows(
            midnight(first),
            midnight(years_after(first, -1)),
            midnight(first + grace),
            midnight(first + grace),
            midnight(first),
            midnight(years_after(first, 1)),
        )
    of_tier = policy.period == "tier_anniversary"
    base = ((tier_since if of_tier and tier_since else None) or enrolled_at).astimezone(zone).date()
    years = today.year - base.year
    years -= years_after(base, years) > today
    began = years_after(base, years)
    return Windows(
        midnight(years_after(today, -1) if of_tier else began),
        midnight(years_after(base, years - 1)),
        midnight(began + grace),
        midnight(began + grace) if years >= 1 else None,
        midnight(began),
        midnight(years_after(base, years + 1)),
    )


def limits(thresholds: Sequence[int]) -> list[int]:
    """Return the least value for each step or a higher one, from the thresholds in order of rank: never falling."""
    least: list[int] = []
    for threshold in reversed(thresholds):
        least.append(min(threshold, least[-1]) if least else threshold)
    return least[::-1]


def step_for(value: int, least: Sequence[int]) -> int:
    """Return the step that a value qualifies for; `least` comes from `limits`."""
    return sum(limit <= value for limit in least)


@dataclass(frozen=True)
class Facts:
    """Facts about one member, as steps.

    `before` is the tier now; `earned` and `kept` are what the two windows qualify for. `had` is what they would qualify
    for without the returns since the last run. `floor` is the highest given or bought tier that runs, and `floor_kind`
    says which of both. `given`: the present tier began as given or bought; `refunded`: and its money was returned.
    `locked`: set by hand with a lock.
    """

    before: int
    earned: int
    kept: int
    had: int = 0
    floor: int = 0
    floor_kind: str = ""
    given: bool = False
    refunded: bool = False
    locked: bool = False
    due: bool = False


@dataclass(frozen=True)
class Move:
    """A change of tier: the new rank and the reason."""

    step: int
    reason: str


def decide(facts: Facts, *, downgrade: bool, one_step: bool) -> Move | None:
    """Decide the move: up at once, down at the end of a period (T2) or after a return (T4). None keeps the interval.

    `downgrade` is true at the end of a day. A given tier that has ended falls to what qualifies, or stays for a new
    reason (T3).
    """
    f = facts
    if f.locked:
        return None
    top = max(f.earned, f.floor)
    if top > f.before:
        return Move(top, "qualified" if f.earned >= f.floor else f.floor_kind)
    if not downgrade:
        return None
    qualified = min(f.before, max(f.earned, f.kept, f.floor))
    if f.given and f.floor < f.before:
        step, reason = qualified, "returned" if f.refunded else "period_ended"
        if step == f.before:
            return Move(step, "qualified")
    elif qualified < f.before <= f.had:
        step, reason = qualified, "returned"
    elif qualified < f.before and f.due:
        step, reason = max(qualified, f.before - 1) if one_step else qualified, "period_ended"
    else:
        return None
    if step == f.floor and f.floor > max(f.earned, f.kept):
        reason = f.floor_kind
    return Move(step, reason)


@dataclass(frozen=True)
class Counted:
    """Something that counts: its time and value."""

    at: datetime
    value: int


@dataclass(frozen=True)
class TierGoal:
    """Progress to a goal: `have` of `need` counts, `left` is missing. `by` is its last day; None when no day is set."""

    have: int
    need: int
    left: int
    by: date | None


def goal_up(policy: TierPeriodPolicy, spans: Windows, counted: Sequence[Counted], need: int, at: datetime) -> TierGoal:
    """Return what is missing to the next tier, and the last day on which the present value still counts."""
    zone = ZoneInfo(policy.time_zone)
    inside = [one for one in counted if one.at >= spans.up_from]
    have = sum(one.value for one in inside)
    first = min((one.at for one in inside if one.value > 0), default=None)
    if policy.period == "rolling":
        by = None if first is None else _day_before(first + timedelta(days=policy.window_days), zone)
    elif policy.period == "tier_anniversary":
        by = None if first is None else years_after(first.astimezone(zone).date(), 1)
    else:
        by = _day_before(spans.ends_at, zone) if spans.ends_at else None
    return TierGoal(have, need, max(need - have, 0), _not_past(by, at, zone))


def goal_stay(
    policy: TierPeriodPolicy, spans: Windows, counted: Sequence[Counted], need: int, at: datetime
) -> TierGoal:
    """Return what is missing to stay in a tier that needs so much, and by when.

    If nothing is, the tier is kept until `by`.
    """
    zone = ZoneInfo(policy.time_zone)
    grace = timedelta(days=policy.grace_days)
    if policy.period == "rolling":
        inside = sorted((one for one in counted if one.at >= spans.keep_from), key=lambda one: one.at)
        have = rest = sum(one.value for one in inside)
        if have < need:
            return TierGoal(have, need, need - have, at.astimezone(zone).date())
        last = timedelta(days=policy.window_days - 1) + grace
        for day, fallen in groupby(inside, key=lambda one: (one.at + last).astimezone(zone).date()):
            rest -= sum(one.value for one in fallen)
            if rest < need:
                return TierGoal(have, need, need - rest, _not_past(day, at, zone))
        return TierGoal(have, need, 0, None)
    if spans.began is None or spans.ends_at is None or spans.keep_to is None:
        raise ValueError("Only the rolling period has no beginning and no end.")
    before = sum(one.value for one in counted if spans.keep_from <= one.at < spans.keep_to)
    if spans.due_at is not None and spans.due_at > at and before < need:
        return TierGoal(before, need, need - before, _day_before(spans.due_at, zone))
    have = sum(one.value for one in counted if one.at >= spans.began)
    end = spans.ends_at.astimezone(zone).date()
    if have >= need:
        end = years_after(end, 1)
    return TierGoal(have, need, max(need - have, 0), end + grace - timedelta(days=1))


def _day_before(moment: datetime, zone: ZoneInfo) -> date:
    return moment.astimezone(zone).date() - timedelta(days=1)


def _not_past(day: date | None, at: datetime, zone: ZoneInfo) -> date | None:
    return None if day is None else max(day, at.astimezone(zone).date())
