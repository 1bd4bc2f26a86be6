"""Reads of the calendar: the festivals that a shop follows, and the occasions that rules and journeys wait for."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta

from django.utils.translation import gettext as _t

from campaigns.calendar.labels import NAMES
from campaigns.calendar.models import CalendarSettings, ShopDay
from campaigns.calendar.rules import lunar
from campaigns.calendar.rules.festivals import (
    PACKS,
    Festival,
    codes_of,
    days_of,
    edition_of,
    festivals_between,
    pack_of,
)
from crm.customers.models import Store
from loyalty.program.selectors import member_day

FESTIVAL, SHOP_DAY, MEMBER_DAY = "festival", "shop_day", "member_day"


@dataclass(frozen=True)
class OccasionDay:
    """Hold one day of an occasion. `key` names the occasion once: a day that is moved within its year keeps it."""

    key: str
    on: date


def country_packs() -> tuple[str, ...]:
    """Return the packs of the shop's country, which hold until the shop chooses."""
    store = Store.objects.default_or_none()
    return pack_of(store.country) if store else ()


def chosen_packs() -> tuple[str, ...]:
    """Return the festival packs that the shop chose, else those of its country."""
    row = CalendarSettings.objects.filter(pk=1).first()
    if row is None or row.packs is None:
        return country_packs()
    return tuple(pack for pack in PACKS if pack in row.packs)


def shop_festivals(first: date, last: date) -> list[Festival]:
    """Return the festivals of the shop's packs from the first to the last day."""
    return festivals_between(first, last, chosen_packs())


def shop_days_between(first: date, last: date) -> list[tuple[ShopDay, date]]:
    """Return the shop's own days from the first to the last day, with their dates."""
    return [(day, on) for day in ShopDay.objects.all() for on in _dates_of(day, first, last)]


def occasions() -> list[tuple[str, str]]:
    """Return the code and name of every occasion that a rule or journey can wait for."""
    codes = codes_of(chosen_packs())
    festivals = sorted((str(NAMES[code]), f"{FESTIVAL}:{code}") for code in codes)
    own = [(f"{SHOP_DAY}:{pk}", name) for pk, name in ShopDay.objects.values_list("pk", "name")]
    monthly = [(MEMBER_DAY, _t("Member day"))] if member_day() else []
    return [*monthly, *own, *((code, name) for name, code in festivals)]


def occasion_choices(present: str | None = None) -> list[tuple[str, str]]:
    """Return the choices of a form, first the empty one; `present` stays a choice when its day is gone."""
    choices = [("", _t("Choose")), *occasions()]
    if present and present not in dict(choices):
        choices.append((present, occasion_names([present])[present]))
    return choices


def occasion_names(codes: Iterable[str]) -> dict[str, str]:
    """Return the names of several occasions, with one query for the shop's days; a removed day is named so."""
    wanted = set(codes)
    keys = {int(own) for code in wanted for kind, own in [_parts(code)] if kind == SHOP_DAY and own.isdigit()}
    own_names = dict(ShopDay.objects.filter(pk__in=keys).values_list("pk", "name")) if keys else {}
    return {code: _name(code, own_names) for code in wanted}


def is_occasion(code: str) -> bool:
    """Return whether the code names an occasion that the shop has, of any pack."""
    kind, own = _parts(code)
    if kind == FESTIVAL:
        return own in NAMES
    if kind == SHOP_DAY:
        return own.isdigit() and ShopDay.objects.filter(pk=int(own)).exists()
    return code == MEMBER_DAY and member_day() is not None


def occasion_days_near(code: str, *, today: date, days_before: int, late: int) -> list[OccasionDay]:
    """Return the days of an occasion that are that many days away on some zone's date of today.

    Also those of which that date was up to `late` days ago.
    """
    aimed = today + timedelta(days=days_before)
    return occasion_days(code, aimed - timedelta(days=late + 1), aimed + timedelta(days=1))


def occasion_days(code: str, first: date, last: date) -> list[OccasionDay]:
    """Return the days of an occasion from the first to the last day. A removed occasion has none."""
    kind, own = _parts(code)
    if kind == FESTIVAL:
        festivals = festivals_between(first, last, PACKS)
        return [OccasionDay(f"{code}:{one.edition}", one.on) for one in festivals if one.code == own]
    if kind == SHOP_DAY:
        day = ShopDay.objects.filter(pk=int(own)).first() if own.isdigit() else None
        if day is None:
            return []
        dates = _dates_of(day, first, last)
        return [OccasionDay(f"{code}:{edition_of(on, by_lunar=day.lunar)}", on) for on in dates]
    setting = member_day() if code == MEMBER_DAY else None
    return [OccasionDay(f"{code}:{on:%Y-%m}", on) for on in setting.between(first, last)] if setting else []


def _dates_of(day: ShopDay, first: date, last: date) -> list[date]:
    years = [year for year in range(first.year, last.year + 1) if day.year in {None, year}]
    if day.lunar:
        years = [year for year in years if lunar.FIRST < year <= lunar.LAST]
    dates = [on for year in years for on in days_of(year, day.month, day.day, lunar_date=day.lunar)]
    return [on for on in dates if first <= on <= last]


def _parts(code: str) -> tuple[str, str]:
    kind, _colon, own = code.partition(":")
    return kind, own


def _name(code: str, own_names: dict[int, str]) -> str:
    kind, own = _parts(code)
    if kind == FESTIVAL and own in NAMES:
        return str(NAMES[own])
    if kind == SHOP_DAY and own.isdigit() and int(own) in own_names:
        return own_names[int(own)]
    return _t("Member day") if code == MEMBER_DAY else _t("a removed day")
