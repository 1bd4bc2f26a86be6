"""Find the member days of a program: once a month, on a day of the month or on a weekday of the month."""

from __future__ import annotations

from calendar import monthrange
from dataclasses import dataclass
from datetime import date, timedelta

DAY, WEEKDAY = "day", "weekday"
LAST_WEEK = 5


@dataclass(frozen=True)
class MemberDay:
    """Hold the setting. `number`: the day of the month, or which `weekday` (1 is Monday) of the month; 5 is the last.

    In a month without a 31st, the member day on a 31st is the month's last day.
    """

    kind: str
    number: int
    weekday: int = 1

    def in_month(self, year: int, month: int) -> date:
        """Return the member day of a month."""
        first, length = date(year, month, 1), monthrange(year, month)[1]
        if self.kind == DAY:
            return first.replace(day=min(self.number, length))
        if self.number >= LAST_WEEK:
            last = first.replace(day=length)
            return last - timedelta(days=(last.isoweekday() - self.weekday) % 7)
        return first + timedelta(days=(self.weekday - first.isoweekday()) % 7 + 7 * (self.number - 1))

    def falls_on(self, day: date) -> bool:
        """Return whether a day is the member day of its month."""
        return self.in_month(day.year, day.month) == day

    def between(self, first: date, last: date) -> list[date]:
        """Return the member days from the first to the last day."""
        months = range(first.year * 12 + first.month - 1, last.year * 12 + last.month)
        days = (self.in_month(month // 12, month % 12 + 1) for month in months)
        return [day for day in days if first <= day <= last]

    def next_from(self, day: date) -> date:
        """Return the first member day on or after a day."""
        return self.between(day, day + timedelta(days=62))[0]
