"""The shop's own time zone, for users who chose none. The app that stores it registers a source:

ZONES.register("store", zone_of_the_default_store)
"""

from __future__ import annotations

import time
import zoneinfo
from collections.abc import Callable
from datetime import date, datetime
from datetime import time as time_of_day
from functools import lru_cache

import structlog
from django.conf import settings
from django.db import DatabaseError, connection

from core.base.registry import Registry

log = structlog.get_logger("liuke.zones")
# Every page needs the zone, and it changes almost never. All processes see a change within this time.
CACHE_SECONDS = 60
ZONES: Registry[Callable[[], str]] = Registry("zone of the shop")
_kept: tuple[float, str] | None = None


def shop_zone() -> str:
    """Return the first zone that a registered source names, else TIME_ZONE. Cached in this process for a minute.

    While the database is unavailable the last known zone is used.
    """
    global _kept
    if _kept is not None and time.monotonic() < _kept[0]:
        return _kept[1]
    try:
        zone = next((name for source in ZONES if (name := _known(source()))), settings.TIME_ZONE)
    except DatabaseError as error:
        log.warning("shop_zone_unknown", error=str(error)[:200])
        return _kept[1] if _kept is not None else settings.TIME_ZONE
    _kept = (time.monotonic() + CACHE_SECONDS, zone)
    return zone


def shop_day(at: datetime) -> date:
    """Return the date in the shop's zone."""
    return at.astimezone(zoneinfo.ZoneInfo(shop_zone())).date()


def shop_midnight(day: date) -> datetime:
    """Return the start of a day in the shop's zone."""
    return datetime.combine(day, time_of_day(), zoneinfo.ZoneInfo(shop_zone()))


def parse_day(text: str) -> date | None:
    """Return the date of a text such as 2026-01-31, or None when it is no date or outside the supported years."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return day if 1970 <= day.year <= 9000 else None


@lru_cache(maxsize=1)
def known_zones() -> frozenset[str]:
    """Return the zones that both Python and this PostgreSQL know: any other name would fail a whole batch."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT name FROM pg_timezone_names")
        return frozenset(name for (name,) in cursor.fetchall()) & zoneinfo.available_timezones()


def forget() -> None:
    """Drop the cached zone."""
    global _kept
    _kept = None


def _known(name: str) -> str:
    try:
        zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        return ""
    return name
