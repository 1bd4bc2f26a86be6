"""Change the loyalty program: names, worth of points, expiry, rounding, return window, transfers."""

from __future__ import annotations

import zoneinfo
from typing import Any

from django.db import transaction
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from core.base.actor import Actor
from core.base.errors import Invalid
from core.db.locks import lock_row
from core.text.currencies import exponent
from loyalty.program.models import ExpiryPolicy, MemberDayKind, PointType, Program, Rounding
from loyalty.program.rules.member_days import LAST_WEEK

TEXTS = {"name": 120, "points_name": 80}
CHOICES = {"rounding": Rounding, "expiry_policy": ExpiryPolicy, "member_day_kind": MemberDayKind}
# (minimum, maximum) of each number; an amount is in minor units.
NUMBERS = {
    "return_window_days": (0, 366),
    "expiry_count": (0, 3660),
    "expiry_notice_days": (0, 365),
    "reinstatement_days": (0, 3660),
    "hold_seconds": (60, 7 * 24 * 3600),
    "redeem_points": (1, 10**9),
    "redeem_amount": (1, 10**9),
    "redeem_minimum": (1, 10**9),
    "redeem_share_percent": (0, 100),
    "transfer_daily_points": (0, 2**53),
    "transfer_daily_count": (0, 1000),
    "member_day_number": (1, 31),
    "member_day_weekday": (1, 7),
}


def points_of(program: Program) -> PointType | None:
    """Return the spendable points of a program."""
    return PointType.objects.filter(program=program, spendable=True).order_by("pk").first()


def update_program(*, program: Program, actor: Actor, **values: Any) -> Program:
    """Change the program. Points that members already hold keep their expiry. Raises Invalid naming the field."""
    cleaned = {name: _cleaned(name, value) for name, value in values.items()}
    points_name = cleaned.pop("points_name", None)
    with transaction.atomic():
        locked = lock_row(Program.objects.filter(pk=program.pk), weak=True)
        for name, value in cleaned.items():
            setattr(locked, name, value)
        if locked.expiry_policy == ExpiryPolicy.ROLLING and not locked.expiry_count:
            raise Invalid(_("Points must live at least one day."), code="invalid", field="expiry_count")
        check_member_day(locked)
        if cleaned:
            locked.save(update_fields=list(cleaned))
        points = points_of(locked)
        if points_name is not None and points is not None and points.name != points_name:
            points.name = points_name
            points.save(update_fields=["name"])
    return locked


def check_member_day(program: Program) -> None:
    """Raise Invalid unless the number fits the kind of member day."""
    if program.member_day_kind == MemberDayKind.WEEKDAY and program.member_day_number > LAST_WEEK:
        raise Invalid(
            _("A month has at most five such weekdays: enter 1 to 5."), code="invalid", field="member_day_number"
        )
    for name, most in (("member_day_number", 31), ("member_day_weekday", 7)):
        if not 1 <= getattr(program, name) <= most:
            raise Invalid(_("This number is too small or too large."), code="invalid", field=name)


def currency_refusal(currency: str) -> str | Promise:
    """Return why programs can't follow the shop to a currency: their amounts are in minor units of the present one."""
    present = Program.objects.values_list("currency", flat=True).distinct()
    if all(exponent(one) == exponent(currency) for one in present):
        return ""
    return _("The loyalty program has amounts in a currency with other decimals, so it can't follow.")


def follow_currency(currency: str) -> None:
    """Set the currency of all programs. Amounts keep their number."""
    for program in Program.objects.exclude(currency=currency).order_by("pk"):
        program.currency = currency
        program.save(update_fields=["currency"])


def _cleaned(name: str, value: Any) -> Any:
    if name in TEXTS:
        text = " ".join(str(value).split())
        if not text or len(text) > TEXTS[name] or "\x00" in text:
            raise Invalid(_("This text is empty or too long."), code="invalid", field=name)
        return text
    if name in CHOICES:
        if value not in CHOICES[name].values:
            raise Invalid(_("Not one of the choices."), code="invalid_choice", field=name)
        return value
    if name in NUMBERS:
        least, most = NUMBERS[name]
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise Invalid(_("This number is too small or too large."), code="invalid", field=name)
        return value
    if name == "auto_enrol":
        return bool(value)
    if name == "time_zone":
        if value not in zoneinfo.available_timezones():
            raise Invalid(_("Use a zone such as Asia/Shanghai."), code="unknown_time_zone", field=name)
        return value
    raise Invalid(_("This can't be changed here."), code="fixed", field=name)
