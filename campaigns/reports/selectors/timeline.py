"""Read when a campaign's messages were sent, opened and clicked, and when its customers ordered."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from django.db import connection
from django.db.models import Min

from campaigns.messages.models import Message, MessageState
from campaigns.reports.selectors.campaigns import Campaign
from core.base import clock
from core.base.zones import shop_zone
from core.db.statements import statement
from crm.orders.selectors.bought import order_counts

EVENTS = ("sent", "opened", "clicked", "ordered")
HOURS = 48
MOST_DAYS = 60
Counts = dict[str, list[int]]


@dataclass(frozen=True)
class CampaignTimeline:
    """Hold the counts of EVENTS: `hourly` for the first two days from `hours`, `daily` for each of `days`, if any.

    Hours and days are the shop's.
    """

    hours: list[datetime]
    hourly: Counts
    days: list[date]
    daily: Counts


def timeline_of(campaign: Campaign) -> CampaignTimeline | None:
    """Return the timeline of a campaign; None before anything was sent.

    The days follow the first two days of a campaign that started in the last 60 days; of an older one they are the last
    60 days.
    """
    zone = ZoneInfo(shop_zone())
    now = clock.now()
    begun = Message.objects.filter(origin=campaign.origin, state=MessageState.SENT).aggregate(first=Min("sent_at"))[
        "first"
    ]
    if begun is None:
        return None
    first = begun.astimezone(zone).replace(minute=0, second=0, microsecond=0)
    last = now.astimezone(zone)
    old = last - first > timedelta(days=MOST_DAYS)
    since = (last - timedelta(days=MOST_DAYS)).replace(hour=0, minute=0, second=0, microsecond=0) if old else first
    counts = _read(campaign, since, now, zone)
    if old:
        # Only the days matter of a campaign that has been running for long; its first hours are read on their own.
        hourly = _read(campaign, first, first + timedelta(hours=HOURS), zone)
        first_day = since.date()
    else:
        hourly = counts
        first_day = first.date()
    plain = first.replace(tzinfo=None)
    until = min(HOURS, max(1, int((last.replace(tzinfo=None) - plain).total_seconds() // 3600) + 1))
    hours = [plain + timedelta(hours=place) for place in range(until)]
    days = [first_day + timedelta(days=place) for place in range((last.date() - first_day).days + 1)]
    days = _trimmed(days, counts) if len(days) > 2 else []
    return CampaignTimeline(
        hours,
        {kind: [hourly.get((kind, hour), 0) for hour in hours] for kind in EVENTS},
        days,
        {kind: _by_day(kind, days, counts) for kind in EVENTS},
    )


def _trimmed(days: list[date], counts: dict[tuple[str, datetime], int]) -> list[date]:
    """Return the days up to the last one on which anything happened."""
    last = max((hour.date() for _kind, hour in counts), default=days[0])
    return [one for one in days if one <= last]


def _by_day(kind: str, days: list[date], counts: dict[tuple[str, datetime], int]) -> list[int]:
    totals = dict.fromkeys(days, 0)
    for (event, hour), count in counts.items():
        if event == kind and hour.date() in totals:
            totals[hour.date()] += count
    return list(totals.values())


def _read(campaign: Campaign, since: datetime, until: datetime, zone: ZoneInfo) -> dict[tuple[str, datetime], int]:
    with connection.cursor() as cursor:
        cursor.execute(
            statement(__package__, "timeline", order_counts=order_counts("o")),
            {"origin": campaign.origin, "days": campaign.days, "since": since, "until": until, "zone": zone.key},
        )
        return {(kind, hour): count for kind, hour, count in cursor.fetchall()}
