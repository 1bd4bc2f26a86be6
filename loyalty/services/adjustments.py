"""Points given or taken by hand (L12): who, why, and once."""

from __future__ import annotations

from typing import cast

from django.utils.translation import gettext_lazy as _

from core import actor as actors
from core import clock, idempotency
from core.actor import Actor
from core.db import call
from core.errors import Invalid
from core.events import handler_names, wake
from loyalty import events
from loyalty.models import Account
from loyalty.rules.expiry import expires_at
from loyalty.services.redemption import REFUSALS, Answer

REASONS = {
    "goodwill": _("Goodwill"),
    "correction": _("Correction"),
    "promotion": _("Promotion"),
    "fraud": _("Abuse"),
    "migration": _("Carried over"),
}


def adjust_points(*, account: Account, points: int, reason: str, key: str, actor: Actor, reference: str = "") -> Answer:
    """Give (above 0) or take (below 0) points by hand. Never below zero: Refused `insufficient_points`."""
    if reason not in REASONS:
        raise Invalid(_("Choose a reason."), code="invalid_choice", field="reason")
    if points == 0 or abs(points) > 10_000_000:
        raise Invalid(
            _("Use a number from 1 to 10,000,000, or below 0 to take points."), code="invalid", field="points"
        )
    program = account.member.program
    until = (
        expires_at(clock.now(), program.expiry_policy, program.expiry_count, program.time_zone) if points > 0 else None
    )
    handlers = handler_names(events.POINTS_ADJUSTED.kind)
    answer = call(
        "loyalty_adjust",
        [
            f"loyalty:{program.pk}",
            idempotency.check_key(key),
            idempotency.digest({"adjust": account.pk, "points": points, "reason": reason, "reference": reference}),
            account.pk,
            points,
            until,
            reason,
            reference[:200],
            str(actor),
            actors.request_id.get(),
            handlers,
        ],
        refusals=REFUSALS,
    )
    wake(handlers)
    return cast(Answer, answer)
