"""Serve the settings of the calendar, and changes of the shop's own days; the page itself is in reports."""

from __future__ import annotations

from datetime import date
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from campaigns.calendar import services as shop_days
from campaigns.calendar.labels import PACK_LABELS
from campaigns.calendar.models import CalendarSettings, ShopDay
from campaigns.calendar.rules.festivals import PACKS
from campaigns.calendar.selectors import chosen_packs, country_packs
from core.base.actor import of_user
from core.base.errors import DomainError, Invalid
from core.base.zones import parse_day
from core.console.forms import RefusableForm
from core.console.views import back, page
from core.text import formatting
from core.text.formatting import in_chinese
from crm.customers.models import Store

CHANGE = "campaigns.change_broadcast"
# Countries in which calendars begin with Sunday.
WEEKS_FROM_SUNDAY = frozenset(
    {
        "US", "CA", "MX", "BR", "CO", "PE", "JP", "KR", "TW", "HK", "MO", "SG", "TH", "PH", "ID", "IN", "IL", "ZA",
    }
)  # fmt: skip


class DayForm(RefusableForm):
    name = forms.CharField(label=pgettext_lazy("thing", "Name"), max_length=80)
    month = forms.IntegerField(label=_("Month"), min_value=1, max_value=12)
    day = forms.IntegerField(label=_("Day"), min_value=1, max_value=31)
    by_lunar = forms.BooleanField(label=_("By the lunar calendar"), required=False)
    year = forms.IntegerField(label=_("Only in the year"), required=False, help_text=_("Empty: every year."))


class PacksForm(RefusableForm):
    by_country = forms.BooleanField(label=_("Choose by the shop's country"), required=False)
    packs = forms.MultipleChoiceField(
        label=_("Festival packs"),
        choices=list(PACK_LABELS.items()),
        widget=forms.CheckboxSelectMultiple(attrs={"class": "form-check-input"}),
        required=False,
        help_text=_("Used when the packs are not chosen by the country. None chosen: no festivals."),
    )


@page(CHANGE, methods=("GET", "POST"))
def settings(request: HttpRequest) -> HttpResponse:
    """Choose the festival packs of the calendar."""
    row = CalendarSettings.objects.filter(pk=1).first()
    by_country = row is None or row.packs is None
    form = PacksForm(request.POST or None, initial={"by_country": by_country, "packs": chosen_packs()})
    if request.method == "POST" and form.is_valid():
        packs = None if form.cleaned_data["by_country"] else form.cleaned_data["packs"]
        try:
            shop_days.choose_packs(packs=packs, actor=of_user(request.user))
        except DomainError as error:
            form.refuse(error)
        else:
            messages.success(request, _t("The festival packs are saved."))
            return redirect("calendar_settings")
    heading = _t("Calendar")
    context = {
        "form": form,
        "title": heading,
        "heading": heading,
        "own_packs": [PACK_LABELS[pack] for pack in PACKS if pack in country_packs()],
        "back_url": reverse("settings"),
        "back_label": _t("Settings"),
    }
    return render(request, "campaigns/calendar/settings.html", context)


@page(CHANGE, methods=("POST",))
def remove(request: HttpRequest, pk: int) -> HttpResponse:
    day: Any = get_object_or_404(ShopDay, pk=pk)
    shop_days.remove_shop_day(day=day, actor=of_user(request.user))
    messages.success(request, _t("“%(name)s” was removed from the calendar.") % {"name": day.name})
    return back(request, reverse("calendar"))


@page(CHANGE, methods=("POST",))
def move_day(request: HttpRequest, pk: int) -> HttpResponse:
    """Move a day of the shop to the date in `on`."""
    day = get_object_or_404(ShopDay, pk=pk)
    on = sent_date(request)
    moved = shop_days.move_shop_day(shop_day=day, on=on, actor=of_user(request.user))
    return answer_move(request, moved.name, on)


def sent_date(request: HttpRequest) -> date:
    """Return the date in `on` of a form. Raises Invalid `invalid_date`."""
    on = parse_day(request.POST.get("on", ""))
    if on is None:
        raise Invalid(_("Use a date such as 2026-01-31."), code="invalid_date", field="on")
    return on


def answer_move(request: HttpRequest, name: str, on: date | None) -> HttpResponse:
    """Answer a move: back to the calendar with a message."""
    messages.success(request, _t("“%(name)s” was moved to %(day)s.") % {"name": name, "day": formatting.day(on)})
    return back(request, reverse("calendar"))


def first_weekday() -> int:
    """Return the weekday with which weeks begin: Monday in Chinese, else by the shop's country; 0 is Monday."""
    if in_chinese():
        return 0
    store = Store.objects.default_or_none()
    return 6 if store and store.country in WEEKS_FROM_SUNDAY else 0
