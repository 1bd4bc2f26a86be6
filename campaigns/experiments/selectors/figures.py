"""Read campaign data for pages and the API."""

from __future__ import annotations

from dataclasses import dataclass

from django.db import connection
from django.db.models import Count

from campaigns.messages.models import Message, MessageState
from core.db.slow_results import cached_when_slow

SLOW_SECONDS = 0.2
KEPT_SECONDS = 10


@dataclass(frozen=True)
class CampaignFigures:
    """Count a campaign's messages by state, and the suppressed ones by reason."""

    states: dict[str, int]
    reasons: dict[str, int]
    coupons_redeemed: int
    discount_given: int

    @property
    def total(self) -> int:
        return sum(self.states.values())


def figures_of(origin: str, coupon_id: int | None) -> CampaignFigures:
    """Return the figures of a campaign whose messages bring this coupon or none. Slow counts are cached for some
    seconds.
    """
    return cached_when_slow(
        f"campaigns.figures:{origin}:{coupon_id}",
        lambda: _figures_of(origin, coupon_id),
        slow=SLOW_SECONDS,
        seconds=KEPT_SECONDS,
    )


def _figures_of(origin: str, coupon_id: int | None) -> CampaignFigures:
    rows = Message.objects.filter(origin=origin).values_list("state", "reason").annotate(count=Count("pk"))
    states: dict[str, int] = {}
    reasons: dict[str, int] = {}
    for state, reason, count in rows:
        states[state] = states.get(state, 0) + count
        # A complaint is stored with a message that was sent.
        if reason and state != MessageState.SENT:
            reasons[reason] = reasons.get(reason, 0) + count
    redeemed = (0, 0)
    if coupon_id:
        with connection.cursor() as cursor:
            cursor.execute(
                """SELECT count(*), coalesce(sum(u.discount), 0)::bigint FROM campaigns_couponuse u
                   JOIN campaigns_couponcode k ON k.id = u.code_id
                   JOIN campaigns_message m ON k.issued_for = 'message:' || m.id AND m.origin = %s
                   WHERE u.coupon_id = %s AND u.state = 'redeemed'""",
                [origin, coupon_id],
            )
            redeemed = cursor.fetchone()
    return CampaignFigures(states, reasons, *redeemed)
