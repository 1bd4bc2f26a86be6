"""Add, change and remove the shop's own days in the calendar."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from campaigns.calendar.models import ShopDay
from campaigns.calendar.rules import lunar
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
