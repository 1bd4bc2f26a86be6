"""Service that changes the giving limits of a role (L13)."""

from __future__ import annotations

from dataclasses import asdict

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from core.audit.tracking import acting
from core.base.actor import Actor
from core.base.errors import Invalid
from core.db.locks import lock_row
from core.security.roles import Role
from loyalty.ledger.models import GivingLimit
from loyalty.ledger.rules.limits import DEFAULTS, MOST_COUPONS, MOST_POINTS, Limits


def set_limits(*, role: str, limits: Limits, actor: Actor) -> GivingLimit:
    """Set the limits of a role. 0 gives nothing; there is no "unlimited". Raises Invalid naming the field.

    The earlier limits, at first the defaults, stay in the audit log.
    """
    if role not in set(Role):
        raise Invalid(_("There is no such role."), code="invalid_choice", field="role")
    for field, most in (
        ("points_per_act", MOST_POINTS),
        ("points_per_day", MOST_POINTS),
        ("coupons_per_day", MOST_COUPONS),
    ):
        if not 0 <= getattr(limits, field) <= most:
            raise Invalid(_("This number is too small or too large."), code="invalid", field=field)
    if limits.points_per_act > limits.points_per_day:
        raise Invalid(
            _("The limit at once must not be above the limit a day."), code="above_day", field="points_per_act"
        )
    values = {
        "points_per_act": limits.points_per_act,
        "points_per_day": limits.points_per_day,
        "coupons_per_day": limits.coupons_per_day,
    }
    with transaction.atomic(), acting(actor):
        GivingLimit.objects.get_or_create(role=role, defaults=asdict(DEFAULTS[role]))
        row = lock_row(GivingLimit.objects.filter(role=role))
        if any(getattr(row, name) != value for name, value in values.items()):
            for name, value in values.items():
                setattr(row, name, value)
            row.save(update_fields=list(values))
    return row
