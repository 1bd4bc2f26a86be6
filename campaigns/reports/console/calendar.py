"""Serve the calendar: festivals, the shop's own days and broadcasts of one year."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from campaigns.broadcasts.models import Broadcast, BroadcastState
from campaigns.calendar import services as shop_days
from campaigns.calendar.models import ShopDay
from campaigns.calendar.rules import lunar
from campaigns.calendar.rules.festivals import days_of, festivals_of
from core.base import clock
from core.base.actor import of_user
from core.base.errors import DomainError
from core.console.forms import RefusableForm
from core.console.views import may, page
from core.text.formatting import in_chinese, month

NAMES: dict[str, str | Promise] = {
    "new_year": _("New Year's Day"),
    "spring_festival": _("Spring Festival"),
    "qingming": _("Qingming"),
    "labour": _("Labour Day"),
    "dragon_boat": _("Dragon Boat Festival"),
    "mid_autumn": _("Mid-Autumn Festival"),
    "national": _("National Day"),
    "valentine": _("Valentine's Day"),
    "women": _("Women's Day"),
    "mother": _("Mother's Day"),
    "children": _("Children's Day"),
    "father": _("Father's Day"),
    "mid_year_sale": _("618 mid-year sale"),
    "singles": _("Double Eleven"),
    "double_twelve": _("Double Twelve"),
    "christmas": _("Christmas"),
    "lantern": _("Lantern Festival"),
    "qixi": _("Qixi"),
    "double_ninth": _("Double Ninth Festival"),
    "laba": _("Laba Festival"),
    "little_new_year": _("Little New Year"),
}
MONTHS = "正二三四五六七八九十冬腊"
DIGITS = "一二三四五六七八九十"


@dataclass(frozen=True)
class CalendarEntry:
    """Hold one line of a day: a festival, a day of the shop, or a broadcast."""

    name: str
    kind: str
    detail: str = ""
    url: str = ""
    own: int | None = None


@dataclass
class Day:
    on: date
    lunar: str
    entries: list[CalendarEntry] = field(default_factory=list)
    plan_url: str = ""


class DayForm(RefusableForm):
    name = forms.CharField(label=pgettext_lazy("thing", "Name"), max_length=80)
    month = forms.IntegerField(label=_("Month"), min_value=1, max_value=12)
    day = forms.IntegerField(label=_("Day"), min_value=1, max_value=31)
    by_lunar = forms.BooleanField(label=_("By the lunar calendar"), required=False)
    year = forms.IntegerField(label=_("Only in the year"), required=False, help_text=_("Empty: every year."))


@page("campaigns.view_broadcast", methods=("GET", "POST"))
def index(request: HttpRequest) -> HttpResponse:
    """Show a year; a POST adds a day of the shop, for users who may change campaigns."""
    this = clock.now().date()
    year = _year(request.GET.get("year", ""), this.year)
    may_change = may(request.user, "campaigns.change_broadcast")
    form = DayForm(request.POST or None)
    if request.method == "POST" and may_change and form.is_valid():
        try:
            saved = shop_days.add_shop_day(**form.cleaned_data, actor=of_user(request.user))
        except DomainError as error:
            form.refuse(error)
        else:
            messages.success(request, _t("“%(name)s” was added to the calendar.") % {"name": saved.name})
            return redirect(f"{reverse('calendar')}?year={saved.year or year}")
    days = days_between(date(year, 1, 1), date(year, 12, 31), plan=may_change, today=this)
    months: dict[str, list[Day]] = {}
    for day in days:
        months.setdefault(month(day.on), []).append(day)
    context = {
        "year": year,
        "months": list(months.items()),
        "before": year - 1 if year > lunar.FIRST + 1 else None,
        "after": year + 1 if year < lunar.LAST else None,
        "form": form,
        "may_change": may_change,
    }
    return render(request, "campaigns/reports/calendar.html", context)


def _year(text: str, this: int) -> int:
    year = int(text) if text.isascii() and text.isdigit() and len(text) == 4 else this
    return min(max(year, lunar.FIRST + 1), lunar.LAST)


def days_between(first: date, last: date, *, plan: bool, today: date) -> list[Day]:
    """Return the days with entries from the first to the last one. `plan`: with links to plan a broadcast."""
    days: dict[date, Day] = {}
    years = range(first.year, last.year + 1)

    def put(on: date, entry: CalendarEntry) -> None:
        if not first <= on <= last:
            return
        day = days.setdefault(on, Day(on, lunar_words(on)))
        day.entries.append(entry)
        if plan and on >= today and entry.kind != "broadcast" and not day.plan_url:
            query = urlencode({"name": f"{entry.name} {on.year}", "send_on": on.isoformat(), "send_time": "10:00"})
            day.plan_url = f"{reverse('broadcast_new')}?{query}"

    for festival in (festival for year in years for festival in festivals_of(year)):
        detail = (
            _t("public holiday, %(days)s days") % {"days": festival.days} if festival.days > 1 else _t("public holiday")
        )
        put(
            festival.on,
            CalendarEntry(
                str(NAMES[festival.code]),
                "public" if festival.public else "festival",
                detail if festival.public else "",
            ),
        )
    for own in ShopDay.objects.all():
        for year in years:
            for on in days_of(year, own.month, own.day, lunar_date=own.lunar) if own.year in {None, year} else ():
                put(on, CalendarEntry(own.name, "own", _t("by the lunar calendar") if own.lunar else "", own=own.pk))
    for row in Broadcast.objects.filter(send_on__range=(first, last)).exclude(state=BroadcastState.STOPPED):
        put(row.send_on, CalendarEntry(row.name, "broadcast", url=reverse("broadcast", args=[row.pk])))  # type: ignore[arg-type]
    return [days[on] for on in sorted(days)]


def lunar_words(on: date) -> str:
    """Return the lunar date: 八月十五 in Chinese, else month and day in figures; empty outside the table."""
    lunar_date = lunar.to_lunar(on)
    if lunar_date is None:
        return ""
    if not in_chinese():
        return _t("lunar %(month)s/%(day)s") % {"month": lunar_date.month, "day": lunar_date.day}
    tens, units = divmod(lunar_date.day, 10)
    if units:
        day = f"{('初', '十', '廿')[tens]}{DIGITS[units - 1]}"
    else:
        day = {10: "初十", 20: "二十", 30: "三十"}[lunar_date.day]
    return f"{'闰' if lunar_date.leap else ''}{MONTHS[lunar_date.month - 1]}月{day}"


@page("campaigns.change_broadcast", methods=("POST",))
def remove(request: HttpRequest, pk: int) -> HttpResponse:
    day: Any = get_object_or_404(ShopDay, pk=pk)
    shop_days.remove_shop_day(day=day, actor=of_user(request.user))
    messages.success(request, _t("“%(name)s” was removed from the calendar.") % {"name": day.name})
    return redirect("calendar")
