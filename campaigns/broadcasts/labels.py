"""Texts of broadcasts that several modules show."""

from __future__ import annotations

from django.utils.functional import Promise
from django.utils.translation import gettext as _t

from campaigns.broadcasts.models import Broadcast, BroadcastState
from core.text.formatting import day, number, when

BROADCAST_STATES: dict[str, str | Promise] = dict(BroadcastState.choices)
BROADCAST_TONES: dict[str, str] = {BroadcastState.DRAFT: "off", BroadcastState.STOPPED: "off"}


def schedule_words(broadcast: Broadcast) -> str:
    """Describe the schedule: "at 10:00 on Dec 24, 2026, in each customer's time zone, at most 500 per minute"."""
    if broadcast.send_on and broadcast.send_time:
        figures = {"day": day(broadcast.send_on), "time": f"{broadcast.send_time:%H:%M}"}
        parts = [_t("%(day)s at %(time)s") % figures]
        if broadcast.customer_zone:
            parts.append(_t("in each customer's time zone"))
    elif broadcast.state == BroadcastState.DRAFT:
        parts = [_t("As soon as the broadcast is started")]
    else:
        parts = [when(broadcast.starts_at)]
    if broadcast.per_minute:
        parts.append(_t("at most %(count)s per minute") % {"count": number(broadcast.per_minute)})
    return _t(", ").join(parts)
