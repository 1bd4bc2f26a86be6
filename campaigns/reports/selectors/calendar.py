"""Read the entries of the marketing calendar: one list of dated entries of every kind."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.db.models import Q

from campaigns.broadcasts.models import Broadcast, BroadcastState
from campaigns.calendar.labels import NAMES
from campaigns.calendar.rules.festivals import festivals_between
from campaigns.calendar.selectors import chosen_packs, occasion_days, shop_days_between
from campaigns.coupons.models import Coupon
from campaigns.journeys.events import JOURNEY_STOPPED
from campaigns.journeys.models import Journey, JourneyState
from core.base.zones import shop_day, shop_midnight
from core.events.models import DomainEvent
from loyalty.program.selectors import member_day

BROADCAST, JOURNEY, COUPON, MEMBER_DAY, SHOP_DAY, FESTIVAL, EXPIRY = KINDS = (
    "broadcast", "journey", "coupon", "member_day", "shop_day", "festival", "expiry",
)  # fmt: skip
# The order in a day: first what the day is, then what the shop does on it.
ORDER = (FESTIVAL, MEMBER_DAY, SHOP_DAY, BROADCAST, JOURNEY, COUPON, EXPIRY)
# The longest time to prepare a festival, so that its mark in an earlier month is found.
LONGEST_LEAD = timedelta(days=60)
MOVABLE = {BroadcastState.DRAFT, BroadcastState.SCHEDULED}


@dataclass(frozen=True)
class CalendarEntry:
    """Hold one entry of a day.

    `phase`: `on` the day itself, `planned` or `sent`, `starts` or `ends`, or `prepare`: the day on which to begin with
    the festival `about`. `first` and `last` are the validity of a coupon; `more` holds what one kind has beside.
    """

    kind: str
    on: date
    name: str
    phase: str = "on"
    pk: int | None = None
    code: str = ""
    movable: bool = False
    about: date | None = None
    first: date | None = None
    last: date | None = None
    more: Mapping[str, Any] | None = None


def entries_between(
    first: date, last: date, *, kinds: Collection[str] = KINDS, expiries: Sequence[Mapping[str, Any]] = ()
) -> list[CalendarEntry]:
    """Return the entries from the first to the last day, by day and kind. `expiries` are the kept figures of points."""
    readers = {
        BROADCAST: _broadcasts, JOURNEY: _journeys, COUPON: _coupons, MEMBER_DAY: _member_days, SHOP_DAY: _shop_days,
        FESTIVAL: _festivals,
    }  # fmt: skip
    entries = [entry for kind, read in readers.items() if kind in kinds for entry in read(first, last)]
    if EXPIRY in kinds:
        entries += [
            CalendarEntry(EXPIRY, on, "", more=row)
            for row in expiries
            if first <= (on := date.fromisoformat(row["on"])) <= last
        ]
    return sorted(entries, key=lambda entry: (entry.on, ORDER.index(entry.kind), entry.phase, entry.name))


def _broadcasts(first: date, last: date) -> Iterator[CalendarEntry]:
    since, until = shop_midnight(first), shop_midnight(last + timedelta(days=1))
    rows = Broadcast.objects.filter(
        Q(send_on__range=(first, last)) | Q(send_on=None, starts_at__gte=since, starts_at__lt=until), archived_at=None
    ).exclude(state=BroadcastState.STOPPED)
    for row in rows.order_by("send_time", "name"):
        on = row.send_on or (shop_day(row.starts_at) if row.starts_at else None)
        if on is None:
            continue
        more = {"state": row.state, "time": row.send_time}
        movable = row.state in MOVABLE and row.send_on is not None
        phase = "planned" if row.state in MOVABLE else "sent"
        yield CalendarEntry(BROADCAST, on, row.name, phase, row.pk, movable=movable, more=more)


def _journeys(first: date, last: date) -> Iterator[CalendarEntry]:
    since, until = shop_midnight(first), shop_midnight(last + timedelta(days=1))
    rows = Journey.objects.filter(archived_at=None, started_at__gte=since, started_at__lt=until).order_by("name")
    for row in rows.only("name", "started_at"):
        yield CalendarEntry(JOURNEY, shop_day(_moment(row.started_at)), row.name, "starts", row.pk)
    stops = DomainEvent.objects.filter(kind=JOURNEY_STOPPED.kind, occurred_at__gte=since, occurred_at__lt=until)
    for payload, at in stops.order_by("pk").values_list("payload", "occurred_at"):
        yield CalendarEntry(JOURNEY, shop_day(at), payload["name"], "ends", payload["journey"])
    waiting = Journey.objects.filter(
        Q(version__definition__entry__kind="occasion") | Q(version__definition__entry__every="once"),
        state=JourneyState.RUNNING,
    )
    for row in waiting.select_related("version").order_by("name"):
        entry = row.definition["entry"]
        if entry["kind"] == "occasion":
            ahead = timedelta(days=entry["days"])
            days = [day.on - ahead for day in occasion_days(entry["occasion"], first + ahead, last + ahead)]
        else:
            days = [date.fromisoformat(entry["on"])]
        for on in days:
            if first <= on <= last:
                yield CalendarEntry(JOURNEY, on, row.name, "enters", row.pk)


def _coupons(first: date, last: date) -> Iterator[CalendarEntry]:
    since, until = shop_midnight(first), shop_midnight(last + timedelta(days=1))
    # The last day of a coupon that ends at midnight is the day before.
    rows = Coupon.objects.filter(
        Q(starts_at__gte=since, starts_at__lt=until) | Q(ends_at__gt=since, ends_at__lte=until), archived_at=None
    )
    for row in rows.order_by("name"):
        begins = shop_day(row.starts_at) if row.starts_at else None
        ends = shop_day(row.ends_at - timedelta(microseconds=1)) if row.ends_at else None
        for phase, on in (("starts", begins), ("ends", ends)):
            if on is not None and first <= on <= last:
                yield CalendarEntry(COUPON, on, row.name, phase, row.pk, first=begins, last=ends)


def _member_days(first: date, last: date) -> Iterator[CalendarEntry]:
    setting = member_day()
    for on in setting.between(first, last) if setting else ():
        yield CalendarEntry(MEMBER_DAY, on, "")


def _shop_days(first: date, last: date) -> Iterator[CalendarEntry]:
    for day, on in shop_days_between(first, last):
        yield CalendarEntry(SHOP_DAY, on, day.name, pk=day.pk, movable=True, more={"lunar": day.lunar})


def _festivals(first: date, last: date) -> Iterator[CalendarEntry]:
    for festival in festivals_between(first, last + LONGEST_LEAD, chosen_packs()):
        more = {"festival_kind": festival.kind, "days": festival.days, "lead_days": festival.lead_days}
        name = str(NAMES[festival.code])
        if festival.on <= last:
            yield CalendarEntry(FESTIVAL, festival.on, name, code=festival.code, more=more)
        if first <= festival.prepare_on <= last and festival.lead_days:
            yield CalendarEntry(
                FESTIVAL, festival.prepare_on, name, "prepare", code=festival.code, about=festival.on, more=more
            )


def _moment(value: datetime | None) -> datetime:
    assert value is not None
    return value
