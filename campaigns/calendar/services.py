"""Add, change, move and remove the shop's own days in the calendar, and choose its festival packs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from campaigns.calendar.models import CalendarSettings, ShopDay
from campaigns.calendar.rules import lunar
from campaigns.calendar.rules.festivals import PACKS
from core.base.actor import Actor
from core.base.errors import Invalid
from core.db.locks import lock_row


def add_shop_day(
    *, name: str, month: int, day: int, actor: Actor, by_lunar: bool = False, year: int | None = None
) -> ShopDay:
    """Add a day. Raises Invalid naming the field: the day does not exist, or the lunar year is not supported."""
    return ShopDay.objects.create(**_checked(name, month, day, by_lunar, year))


def change_shop_day(
    *, shop_day: ShopDay, name: str, month: int, day: int, actor: Actor, by_lunar: bool = False, year: int | None = None
) -> ShopDay:
    """Change a day. Raises Invalid as for a new one."""
    values = _checked(name, month, day, by_lunar, year)
    with transaction.atomic():
        locked = lock_row(ShopDay.objects.filter(pk=shop_day.pk))
        for field, value in values.items():
            setattr(locked, field, value)
        locked.save(update_fields=list(values))
    return locked


def move_shop_day(*, shop_day: ShopDay, on: date, actor: Actor) -> ShopDay:
    """Move a day to another date: every year, or the one year of a day that happens once.

    A lunar day moves to the lunar date of `on`. Raises Invalid as for a new one, and `leap_month` for a lunar date that
    most years don't have.
    """
    with transaction.atomic():
        locked = lock_row(ShopDay.objects.filter(pk=shop_day.pk))
        month, day = on.month, on.day
        if locked.lunar:
            lunar_date = lunar.to_lunar(on)
            if lunar_date is None:
                raise Invalid(
                    _("Choose a year from %(first)s to %(last)s.") % {"first": lunar.FIRST + 1, "last": lunar.LAST},
                    code="out_of_range",
                    field="on",
                )
            if lunar_date.leap:
                raise Invalid(
                    _("This day lies in a leap month, which most years don't have."), code="leap_month", field="on"
                )
            month, day = lunar_date.month, lunar_date.day
        return change_shop_day(
            shop_day=locked,
            name=locked.name,
            month=month,
            day=day,
            by_lunar=locked.lunar,
            year=on.year if locked.year is not None else None,
            actor=actor,
        )


def choose_packs(*, packs: Sequence[str] | None, actor: Actor) -> CalendarSettings:
    """Choose the festival packs; None leaves the choice to the country of the shop. Raises Invalid `invalid_choice`."""
    if packs is not None and set(packs) - set(PACKS):
        raise Invalid(_("Not one of the choices."), code="invalid_choice", field="packs")
    with transaction.atomic():
        CalendarSettings.objects.get_or_create(pk=1)
        settings = lock_row(CalendarSettings.objects.filter(pk=1))
        settings.packs = None if packs is None else [pack for pack in PACKS if pack in packs]
        settings.save(update_fields=["packs"])
    return settings


def _checked(name: str, month: int, day: int, by_lunar: bool, year: int | None) -> dict[str, Any]:
    clean = " ".join(name.split())
    if not clean or len(clean) > 80:
        raise Invalid(_("A name has 1 to 80 characters."), code="invalid", field="name")
    if not 1 <= month <= 12:
        raise Invalid(_("Enter a month from 1 to 12."), code="invalid", field="month")
    if not 1 <= day <= (30 if by_lunar else _longest(month)):
        raise Invalid(_("This day does not exist in this month."), code="invalid", field="day")
    if year is not None and not (lunar.FIRST < year <= lunar.LAST):
        raise Invalid(
            _("Choose a year from %(first)s to %(last)s.") % {"first": lunar.FIRST + 1, "last": lunar.LAST},
            code="out_of_range",
            field="year",
        )
    return {"name": clean, "month": month, "day": day, "lunar": by_lunar, "year": year}


def remove_shop_day(*, day: ShopDay, actor: Actor) -> None:
    """Delete a day of the shop's own calendar. Idempotent."""
    ShopDay.objects.filter(pk=day.pk).delete()


def _longest(month: int) -> int:
    """Return the number of days of the month in a leap year, which has every day."""
    return 31 if month == 12 else (date(2024, month + 1, 1) - date(2024, month, 1)).days
