"""The shop's own time zone, for everyone who has chosen none. The app that knows the shop registers where it is kept:

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

from core.registry import Registry

log = structlog.get_logger("liuke.zones")

# Every page asks, and a shop moves to another zone about never: a change is seen by all processes within this time.
KEPT_SECONDS = 60

ZONES: Registry[Callable[[], str]] = Registry("zone of the shop")

_kept: tuple[float, str] | None = None


def shop_zone() -> str:
    """The first zone that a registered source names, else TIME_ZONE. Kept in this process for a minute.

    While the database is away the last known one stays.
    """
    global _kept
    if _kept is not None and time.monotonic() < _kept[0]:
        return _kept[1]
    try:
        zone = next((name for source in ZONES if (name := _known(source()))), settings.TIME_ZONE)
    except DatabaseError as error:
        log.warning("shop_zone_unknown", error=str(error)[:200])
        return _kept[1] if _kept is not None else settings.TIME_ZONE
    _kept = (time.monotonic() + KEPT_SECONDS, zone)
    return zone


def shop_day(at: datetime) -> date:
    """The day that it is where the shop is."""
    return at.astimezone(zoneinfo.ZoneInfo(shop_zone())).date()


def shop_midnight(day: date) -> datetime:
    """When a day begins where the shop is."""
    return datetime.combine(day, time_of_day(), zoneinfo.ZoneInfo(shop_zone()))


@lru_cache(maxsize=1)
def known_zones() -> frozenset[str]:
    """Zones that both Python and this PostgreSQL know: any other name would fail a whole batch."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT name FROM pg_timezone_names")
        return frozenset(name for (name,) in cursor.fetchall()) & zoneinfo.available_timezones()


def forget() -> None:
    """Ask anew next time."""
    global _kept
    _kept = None


def _known(name: str) -> str:
    try:
        zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        return ""
    return name
