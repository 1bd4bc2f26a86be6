"""Services that change the program's rules of points, and its types of points."""

from __future__ import annotations

from typing import Any
from zoneinfo import available_timezones

from django.db import IntegrityError, transaction
from django.utils.translation import gettext_lazy as _

from core.base.actor import Actor
from core.base.errors import Invalid
from core.db.locks import lock_row
from core.db.model_values import clean_columns
from loyalty.program.models import ExpiryPolicy, PointType, Program
from loyalty.program.services.settings import check_member_day

# Code, currency and the choice of the default program are fixed: entries of the ledger depend on them.
CHANGEABLE = (
    "name", "time_zone", "auto_enrol", "return_window_days", "rounding", "expiry_policy", "expiry_count",
    "expiry_notice_days", "reinstatement_days", "hold_seconds", "redeem_points", "redeem_amount", "redeem_minimum",
    "redeem_share_percent", "transfer_daily_points", "transfer_daily_count",
    "member_day_kind", "member_day_number", "member_day_weekday",
)  # fmt: skip


def update_program(*, program: Program, actor: Actor, **values: Any) -> Program:
    """Change the rules of points; they apply to what happens from now on. Raises Invalid naming the field.

    `redeem_amount` is in minor units of the program's currency.
    """
    if unknown := values.keys() - set(CHANGEABLE):
        raise Invalid(_("This can't be changed."), code="fixed", field=min(unknown))
    cleaned = clean_columns(Program, values)
    with transaction.atomic():
        locked = lock_row(Program.objects.filter(pk=program.pk), weak=True)
        for name, value in cleaned.items():
            setattr(locked, name, value)
        _check(locked)
        locked.save(update_fields=list(cleaned))
    return locked


def create_point_type(*, program: Program, code: str, name: str, actor: Actor, spendable: bool = True) -> PointType:
    """Create a type of points. Raises Invalid naming the field; `code_taken` when the program has the code already."""
    cleaned = clean_columns(PointType, {"code": code, "name": name, "spendable": spendable})
    try:
        with transaction.atomic():
            return PointType.objects.create(program=program, **cleaned)
    except IntegrityError:
        raise Invalid(_("Another point type has this code."), code="code_taken", field="code") from None


def rename_point_type(*, point_type: PointType, name: str, actor: Actor) -> PointType:
    """Change the name. Code and use are fixed, because accounts may hold such points. Raises Invalid."""
    cleaned = clean_columns(PointType, {"name": name})
    with transaction.atomic():
        locked = lock_row(PointType.objects.filter(pk=point_type.pk), weak=True)
        locked.name = cleaned["name"]
        locked.save(update_fields=["name"])
    return locked


def _check(program: Program) -> None:
    if program.time_zone not in available_timezones():
        raise Invalid(_("There is no such time zone."), code="invalid", field="time_zone")
    if program.expiry_policy == ExpiryPolicy.ROLLING and not program.expiry_count:
        raise Invalid(_("Enter after how many days points expire."), code="required", field="expiry_count")
    if not program.redeem_points:
        raise Invalid(_("Enter a number of points above 0."), code="invalid", field="redeem_points")
    if program.redeem_share_percent > 100:
        raise Invalid(_("Enter a share of 0 to 100 percent."), code="invalid", field="redeem_share_percent")
    check_member_day(program)
