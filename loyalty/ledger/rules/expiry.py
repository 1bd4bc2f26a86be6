"""Expiry of a lot (L10): rolling days, or the end of a day, month, quarter or year in the program's zone."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo


def expires_at(available_from: datetime, policy: str, count: int, zone: str) -> datetime | None:
    """Return the moment from which a lot can no longer be spent, or None for never.

    `day`, `month`, `quarter`, `year`: midnight after the last day of the period that is `count` periods after the one
    in which the lot became available. With 0 it is the end of that same period.
    """
    if policy == "never":
        return None
    if policy == "rolling":
        return available_from + timedelta(days=count)
    local = available_from.astimezone(ZoneInfo(zone)).date()
    if policy == "day":
        following = local + timedelta(days=count + 1)
    elif policy == "month":
        following = _month_start(local.year, local.month + count + 1)
    elif policy == "quarter":
        following = _month_start(local.year, (local.month - 1) // 3 * 3 + 1 + 3 * (count + 1))
    elif policy == "year":
        following = date(local.year + count + 1, 1, 1)
    else:
        raise ValueError(policy)
    return datetime.combine(following, time(), ZoneInfo(zone))


def _month_start(year: int, month: int) -> date:
    return date(year + (month - 1) // 12, (month - 1) % 12 + 1, 1)
