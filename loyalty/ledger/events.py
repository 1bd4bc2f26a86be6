"""Domain events of points and tiers. `subject_id` is always the customer."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from core.events.bus import declare
from core.text.formatting import day, number
from loyalty.ledger.labels import reference_words


def points_text(payload: Mapping[str, Any]) -> str:
    count = int(payload.get("points", 0))
    text = ngettext("%(count)s point", "%(count)s points", abs(count)) % {"count": number(count)}
    reference = payload.get("reference")
    return f"{text} · {reference_words(reference)}" if reference else text


def _adjusted(payload: Mapping[str, Any]) -> str:
    """Return the points with the note; the timeline is for staff."""
    return " · ".join(part for part in (points_text(payload), payload.get("note", "")) if part)


POINTS_EARNED = declare("loyalty.points_earned", _("Points earned"), icon="coins", describe=points_text)
POINTS_HELD = declare("loyalty.points_held", _("Points held"), icon="lock", describe=points_text)
POINTS_REDEEMED = declare("loyalty.points_redeemed", _("Points spent"), icon="gift", describe=points_text)
HOLD_RELEASED = declare("loyalty.hold_released", _("Hold released"), icon="lock-open", describe=points_text)
POINTS_RETURNED = declare("loyalty.points_returned", _("Points given back"), icon="arrow-back-up", describe=points_text)
POINTS_TAKEN_BACK = declare(
    "loyalty.points_taken_back", _("Points taken back"), icon="arrow-back", describe=points_text
)
POINTS_ADJUSTED = declare("loyalty.points_adjusted", _("Points adjusted"), icon="adjustments", describe=_adjusted)
POINTS_SENT = declare("loyalty.points_sent", _("Points given to another member"), icon="send", describe=points_text)
POINTS_RECEIVED = declare(
    "loyalty.points_received", _("Points received from another member"), icon="gift", describe=points_text
)
POINTS_EXPIRED = declare("loyalty.points_expired", _("Points expired"), icon="hourglass", describe=points_text)
POINTS_EXPIRING = declare(
    "loyalty.points_expiring",
    _("Points about to expire"),
    icon="hourglass",
    describe=lambda p: f"{points_text(p)} · {day(date.fromisoformat(p['on']))}",
)
ACCOUNTS_CHANGED = declare("loyalty.accounts_changed", _("Points accounts changed"), on_timeline=False)
