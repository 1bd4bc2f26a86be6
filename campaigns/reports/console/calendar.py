"""Serve the marketing calendar: a month grid, the next weeks as a list, moving of entries, and its settings."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.dates import WEEKDAYS, WEEKDAYS_ABBR
from django.utils.functional import Promise
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext, pgettext_lazy

from campaigns.broadcasts.labels import BROADCAST_STATES
from campaigns.broadcasts.models import Broadcast
from campaigns.broadcasts.services.broadcasts import move_broadcast
from campaigns.calendar import services as shop_days
from campaigns.calendar.console import DayForm, answer_move, first_weekday, sent_date
from campaigns.calendar.labels import FESTIVAL_KINDS, PACK_LABELS, lunar_cell, lunar_words
from campaigns.calendar.rules import lunar
from campaigns.calendar.selectors import chosen_packs
from campaigns.reports.selectors import calendar as selectors
from campaigns.reports.selectors.calendar import KINDS, CalendarEntry, entries_between
from core.base import clock
from core.base.actor import of_user
from core.base.errors import DomainError
from core.base.zones import parse_day, shop_day
from core.console import kept
from core.console.views import may, page
from core.text import formatting
from core.text.formatting import number
from loyalty.ledger.selectors.expiries import days_of_many_expiries

CHANGE = "campaigns.change_broadcast"
EXPIRIES = "loyalty.expiring_days"
kept.FIGURES.register(EXPIRIES, days_of_many_expiries)
LABELS: Mapping[str, str | Promise] = {
    selectors.BROADCAST: _("Broadcasts"),
    selectors.JOURNEY: _("Journeys"),
    selectors.COUPON: _("Coupons"),
    selectors.MEMBER_DAY: _("Member days"),
    selectors.SHOP_DAY: _("Shop days"),
    selectors.FESTIVAL: _("Festivals"),
    selectors.EXPIRY: _("Points that expire"),
}
ICONS: Mapping[str, str] = {
    selectors.BROADCAST: "speakerphone", selectors.JOURNEY: "route", selectors.COUPON: "ticket",
    selectors.MEMBER_DAY: "star", selectors.SHOP_DAY: "building-store", selectors.FESTIVAL: "calendar-event",
    selectors.EXPIRY: "clock-pause",
}  # fmt: skip
PERMISSIONS: Mapping[str, str] = {
    selectors.BROADCAST: "campaigns.view_broadcast",
    selectors.JOURNEY: "campaigns.view_journey",
    selectors.COUPON: "campaigns.view_coupon",
    selectors.EXPIRY: "loyalty.view_loyalty",
}
PHASES: Mapping[str, str | Promise] = {
    "starts": pgettext_lazy("calendar", "starts"),
    "ends": pgettext_lazy("calendar", "last day"),
    "enters": pgettext_lazy("calendar", "customers enter"),
}
STRIP_DAYS = 35
HOME_KINDS = (selectors.BROADCAST, selectors.MEMBER_DAY, selectors.SHOP_DAY, selectors.FESTIVAL)
FIRST_MONTH, LAST_MONTH = date(lunar.FIRST + 1, 1, 1), date(lunar.LAST, 12, 1)


@dataclass(frozen=True)
class Chip:
    """Hold one entry as the page shows it. `tone` colours it by kind; the text always names the kind or phase too."""

    kind: str
    icon: str
    name: str
    detail: str = ""
    url: str = ""
    pk: int | None = None
    move_url: str = ""
    phase: str = "on"


@dataclass
class Day:
    """Hold one day with its entries. `plan_url` opens a new broadcast on this day, `add_url` a new day of the shop."""

    on: date
    lunar: str
    cell: str = ""
    today: bool = False
    past: bool = False
    other_month: bool = False
    entries: list[Chip] = field(default_factory=list)
    plan_url: str = ""
    add_url: str = ""


@page("campaigns.view_broadcast", methods=("GET", "POST"))
def index(request: HttpRequest) -> HttpResponse:
    """Show a month; a POST adds a day of the shop, for users who may change campaigns."""
    today = shop_day(clock.now())
    month = _month(request.GET.get("month", ""), today)
    may_change = may(request.user, CHANGE)
    adding = parse_day(request.GET.get("add", ""))
    form = DayForm(request.POST or None, initial={"month": adding.month, "day": adding.day} if adding else None)
    if request.method == "POST" and may_change and form.is_valid():
        try:
            saved = shop_days.add_shop_day(**form.cleaned_data, actor=of_user(request.user))
        except DomainError as error:
            form.refuse(error)
        else:
            messages.success(request, _t("“%(name)s” was added to the calendar.") % {"name": saved.name})
            return redirect(f"{reverse('calendar')}?month={month:%Y-%m}")
    hidden = set(request.GET.get("hide", "").split(",")) & set(KINDS)
    offered = [kind for kind in KINDS if may(request.user, PERMISSIONS.get(kind))]
    starts_with = first_weekday()
    first = month - timedelta(days=(month.weekday() - starts_with) % 7)
    next_month = _next_month(month)
    weeks = -(-(next_month - first).days // 7)
    last = first + timedelta(days=7 * weeks - 1)
    strip_first = max(month, today) if month <= today < next_month else month
    strip_last = strip_first + timedelta(days=STRIP_DAYS - 1)
    days = _days(
        request, min(first, strip_first), max(last, strip_last), today=today,
        kinds=[kind for kind in offered if kind not in hidden], plan=may_change,
    )  # fmt: skip
    for one in days.values():
        one.other_month = not month <= one.on < next_month
        one.add_url = f"{_address(request, add=one.on.isoformat())}#add-day" if may_change else ""
    grid = [[days[first + timedelta(days=7 * week + place)] for place in range(7)] for week in range(weeks)]
    strip = [days[strip_first + timedelta(days=place)] for place in range(STRIP_DAYS)]
    context = {
        "heading": formatting.month(month),
        "weekdays": [(WEEKDAYS[(starts_with + n) % 7], WEEKDAYS_ABBR[(starts_with + n) % 7]) for n in range(7)],
        "weeks": grid,
        "strip": [one for one in strip if one.entries or one.today],
        "before_url": _address(request, month=_before(month)),
        "after_url": _address(request, month=next_month if next_month <= LAST_MONTH else None),
        "today_url": _address(request, month=""),
        "is_current": month <= today < next_month,
        "filters": [_filter(request, kind, hidden) for kind in offered],
        "hidden": hidden,
        "all_url": _address(request, hide=""),
        "form": form,
        "adding": bool(adding) or form.is_bound,
        "add_url": f"{_address(request, add=(today if month <= today < next_month else month).isoformat())}#add-day",
        "close_url": _address(request, add=""),
        "packs": [PACK_LABELS[pack] for pack in chosen_packs()],
        "may_change": may_change,
    }
    return render(request, "campaigns/reports/calendar.html", context)


def days_between(first: date, last: date, *, plan: bool, today: date) -> list[Day]:
    """Return the days with entries of the home page. `plan`: with links to plan a broadcast."""
    entries = [entry for entry in entries_between(first, last, kinds=HOME_KINDS) if entry.phase != "prepare"]
    days = _filled(first, last, entries, today=today, plan=plan)
    return [day for day in days.values() if day.entries]


def _days(
    request: HttpRequest, first: date, last: date, *, today: date, kinds: Collection[str], plan: bool
) -> dict[date, Day]:
    expiries = kept.of(request).get(EXPIRIES) or [] if selectors.EXPIRY in kinds else []
    entries = entries_between(first, last, kinds=kinds, expiries=expiries)
    return _filled(first, last, entries, today=today, plan=plan)


def _filled(first: date, last: date, entries: list[CalendarEntry], *, today: date, plan: bool) -> dict[date, Day]:
    dates = [first + timedelta(days=offset) for offset in range((last - first).days + 1)]
    days = {on: Day(on, lunar_words(on), lunar_cell(on), on == today, on < today) for on in dates}
    plans: dict[date, str] = {}
    for entry in entries:
        days[entry.on].entries.append(chip_of(entry, plan=plan))
        if entry.kind in {selectors.FESTIVAL, selectors.SHOP_DAY} and entry.phase == "on":
            plans.setdefault(entry.on, entry.name)
    for on, day in days.items():
        if plan and on >= today:
            day.plan_url = _plan_url(on, plans.get(on, ""))
    return days


def _plan_url(on: date, name: str) -> str:
    query = {"name": f"{name} {on.year}"} if name else {}
    return f"{reverse('broadcast_new')}?{urlencode({**query, 'send_on': on.isoformat(), 'send_time': '10:00'})}"


def chip_of(entry: CalendarEntry, *, plan: bool) -> Chip:
    """Return an entry in words, with the addresses that its reader may open. `plan`: the reader may change it."""
    more = entry.more or {}
    name, detail, url, move = entry.name, "", "", ""
    if entry.kind == selectors.BROADCAST:
        state = str(BROADCAST_STATES[more["state"]])
        detail = f"{more['time']:%H:%M} · {state}" if more["time"] else state
        url = reverse("broadcast", args=[entry.pk])
        move = reverse("calendar_move_broadcast", args=[entry.pk]) if entry.movable else ""
    elif entry.kind == selectors.JOURNEY:
        detail, url = str(PHASES[entry.phase]), reverse("journey", args=[entry.pk])
    elif entry.kind == selectors.COUPON:
        detail, url = f"{PHASES[entry.phase]} · {_validity(entry)}", reverse("coupon", args=[entry.pk])
    elif entry.kind == selectors.MEMBER_DAY:
        name = _t("Member day")
    elif entry.kind == selectors.SHOP_DAY:
        detail = _t("shop day, by the lunar calendar") if more["lunar"] else _t("shop day")
        move = reverse("calendar_move_day", args=[entry.pk])
    elif entry.kind == selectors.FESTIVAL:
        detail = _festival_words(entry, more)
    elif entry.kind == selectors.EXPIRY:
        name, detail = _expiry_words(more)
        url = reverse("loyalty")
    return Chip(
        entry.kind, ICONS[entry.kind], name, detail, url, entry.pk, move if plan and entry.movable else "", entry.phase
    )


def _festival_words(entry: CalendarEntry, more: Mapping[str, Any]) -> str:
    if entry.phase == "prepare":
        return _t("begin to prepare for %(day)s") % {"day": formatting.day(entry.about)}
    if more["days"] > 1:
        return _t("public holiday, %(days)s days") % {"days": more["days"]}
    return str(FESTIVAL_KINDS[more["festival_kind"]])


def _expiry_words(row: Mapping[str, Any]) -> tuple[str, str]:
    points = ngettext("%(count)s point expires", "%(count)s points expire", row["points"])
    members = ngettext("of %(count)s member", "of %(count)s members", row["members"])
    return points % {"count": number(row["points"])}, members % {"count": number(row["members"])}


def _validity(entry: CalendarEntry) -> str:
    if entry.first and entry.last:
        return f"{formatting.day(entry.first)} – {formatting.day(entry.last)}"
    if entry.first:
        return _t("from %(day)s") % {"day": formatting.day(entry.first)}
    return _t("until %(day)s") % {"day": formatting.day(entry.last)}


@dataclass(frozen=True)
class KindFilter:
    kind: str
    label: str | Promise
    icon: str
    shown: bool
    url: str


def _filter(request: HttpRequest, kind: str, hidden: set[str]) -> KindFilter:
    """Return the link that shows or hides a kind."""
    changed = [one for one in KINDS if one in hidden ^ {kind}]
    return KindFilter(kind, LABELS[kind], ICONS[kind], kind not in hidden, _address(request, hide=",".join(changed)))


def _address(request: HttpRequest, **changes: Any) -> str:
    """Return this page's address with some parameters replaced; "" removes one. None: there is no such page."""
    if None in changes.values():
        return ""
    query = {name: request.GET[name] for name in ("month", "hide") if name in request.GET}
    for name, value in changes.items():
        query[name] = f"{value:%Y-%m}" if isinstance(value, date) else value
    text = urlencode({name: value for name, value in query.items() if value}, safe=",")
    return f"{reverse('calendar')}?{text}" if text else reverse("calendar")


def _month(text: str, today: date) -> date:
    found = parse_day(f"{text}-01") or today
    return min(max(found, FIRST_MONTH), LAST_MONTH).replace(day=1)


def _next_month(month: date) -> date:
    return (month + timedelta(days=31)).replace(day=1)


def _before(month: date) -> date | None:
    return (month - timedelta(days=1)).replace(day=1) if month > FIRST_MONTH else None


@page(CHANGE, methods=("POST",))
def move_campaign(request: HttpRequest, pk: int) -> HttpResponse:
    """Move a broadcast that has not started to the date in `on`."""
    broadcast = get_object_or_404(Broadcast, pk=pk)
    moved = move_broadcast(broadcast=broadcast, send_on=sent_date(request), actor=of_user(request.user))
    return answer_move(request, moved.name, moved.send_on)
