"""Set the shop's limits on marketing messages."""

from __future__ import annotations

from datetime import time

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from campaigns.messages.models import SendingPolicy
from campaigns.messages.services.gate import policy
from core.base.actor import Actor
from core.base.errors import Invalid
from core.db.locks import lock_row

MOST_MESSAGES = 1000
MOST_HOURS = 24 * 365
MOST_MINUTES = 24 * 60


def set_sending_policy(
    *,
    cap_per_day: int | None,
    cap_per_week: int | None,
    quiet_from: time,
    quiet_until: time,
    spread_minutes: int,
    stale_hours: int,
    leap_birthday: str,
    track_messages: bool = True,
    marketing_per_day: int | None = None,
    marketing_per_week: int | None = None,
    surveys_per_day: int | None = None,
    surveys_per_week: int | None = None,
    actor: Actor,
) -> SendingPolicy:
    """Set all limits; no cap is None or 0 (J5). They apply to later decisions. Raises Invalid."""
    for field, value, most in (
        ("cap_per_day", cap_per_day or 0, MOST_MESSAGES),
        ("cap_per_week", cap_per_week or 0, MOST_MESSAGES),
        ("marketing_per_day", marketing_per_day or 0, MOST_MESSAGES),
        ("marketing_per_week", marketing_per_week or 0, MOST_MESSAGES),
        ("surveys_per_day", surveys_per_day or 0, MOST_MESSAGES),
        ("surveys_per_week", surveys_per_week or 0, MOST_MESSAGES),
        ("spread_minutes", spread_minutes, MOST_MINUTES),
        ("stale_hours", stale_hours, MOST_HOURS),
    ):
        if not 0 <= value <= most:
            raise Invalid(_("This number is out of range."), code="out_of_range", field=field)
    if leap_birthday not in dict(SendingPolicy._meta.get_field("leap_birthday").flatchoices):
        raise Invalid(_("Not one of the choices."), code="invalid_choice", field="leap_birthday")
    with transaction.atomic():
        locked = lock_row(SendingPolicy.objects.filter(pk=policy().pk))
        locked.cap_per_day = cap_per_day or None
        locked.cap_per_week = cap_per_week or None
        locked.marketing_per_day, locked.marketing_per_week = marketing_per_day or None, marketing_per_week or None
        locked.surveys_per_day, locked.surveys_per_week = surveys_per_day or None, surveys_per_week or None
        locked.quiet_from, locked.quiet_until = quiet_from, quiet_until
        locked.spread_minutes, locked.stale_hours = spread_minutes, stale_hours
        locked.leap_birthday, locked.track_messages = leap_birthday, track_messages
        locked.save()
    return locked
