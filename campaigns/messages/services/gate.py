"""Apply the gate to many messages in one statement (J1), shared by sending and the audience preview."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection
from psycopg.sql import SQL

from campaigns.channels.registry import CHANNELS
from campaigns.messages.models import SendingPolicy
from campaigns.messages.rules import GateReason, Verdict
from core.base.zones import known_zones
from core.db.columns import uuid_array
from core.db.statements import statement
from crm.customers.models import Store

FALLBACK_ZONE = "UTC"
_CAPPED = SQL(
    """CASE
    WHEN %(cap_day)s > 0 AND c.today + {all} >= %(cap_day)s THEN 'cap_day'
    WHEN %(cap_week)s > 0 AND c.week + {all} >= %(cap_week)s THEN 'cap_week'
    WHEN c.alike_day > 0 AND c.today_alike + {alike} >= c.alike_day THEN 'cap_purpose_day'
    WHEN c.alike_week > 0 AND c.week_alike + {alike} >= c.alike_week THEN 'cap_purpose_week' END"""
)
_FIRST = _CAPPED.format(all=SQL("0"), alike=SQL("0"))
_NEXT = _CAPPED.format(
    all=SQL("b.marketing + b.surveys"), alike=SQL("CASE WHEN c.survey THEN b.surveys ELSE b.marketing END")
)
# The zone of customer `c`, else the shop's zone; uses the values of `parameters`.
CUSTOMER_ZONE = "CASE WHEN c.time_zone = ANY(%(zones)s::text[]) THEN c.time_zone ELSE %(zone)s END"
_MESSAGES = """
SELECT m.id, m.customer_id, m.channel, m.message_class, m.origin, m.step, m.occurrence, m.due_at,
       CASE WHEN m.state = 'held' THEN m.decided_at ELSE m.due_at END AS waiting_since,
       campaigns_unmatched(m.origin, m.occurrence, m.customer_id) AS unmatched, false AS holdout
FROM campaigns_message m WHERE m.id = ANY(%(ids)s::uuid[])
"""


def _gate(candidates: str) -> str:
    """Return the gate over a SELECT of candidates. Messages of one customer in one batch see each other.

    Columns: id, customer_id, channel, message_class, origin, step, occurrence, waiting_since, due_at, unmatched,
    holdout.
    """
    return statement(__package__, "gate", candidates=candidates, zone=CUSTOMER_ZONE, first=_FIRST, next=_NEXT)


class Ruling(NamedTuple):
    """Hold the gate's decision on one message: `identity_id` is the address to use."""

    id: UUID | None
    customer_id: int
    identity_id: int | None
    reason: str | None
    held_until: datetime | None

    @property
    def verdict(self) -> Verdict:
        """Return the verdict that follows from the reason."""
        if self.reason is None:
            return Verdict.SEND
        return Verdict.HOLD if self.reason == GateReason.QUIET_HOURS else Verdict.SUPPRESS


@dataclass(frozen=True)
class AudiencePreview:
    """Count an audience by the gate's current decisions: `reasons` adds up to `total`, `sent` is what passes.

    `basis` is `now` for customers that the campaign would take immediately. For triggers that only look forward it is
    `last_30_days`: the customers it would have taken.
    """

    total: int
    sent: int
    held: int
    suppressed: int
    reasons: dict[str, int]
    basis: str


def policy() -> SendingPolicy:
    """Return the shop's limits; the defaults until they are changed."""
    row = SendingPolicy.objects.filter(pk=1).first()
    if row is None:
        row, _created = SendingPolicy.objects.get_or_create(pk=1)
        row.refresh_from_db()
    return row


def judge_messages(ids: Sequence[UUID], now: datetime) -> list[Ruling]:
    """Decide these messages. The caller has locked them and their customers."""
    with connection.cursor() as cursor:
        cursor.execute(_gate(_MESSAGES), {**parameters(now), "ids": uuid_array(ids)})
        return [Ruling(*row) for row in cursor.fetchall()]


def count_reasons(candidates: str, params: dict[str, Any], now: datetime) -> dict[str, int]:
    """Count an audience by the gate's current reasons; "" is sent. Writes nothing."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT coalesce(reason, ''), count(*) FROM ({_gate(candidates)}) AS ruled GROUP BY 1",  # noqa: S608 - fragments of the code; values are parameters
            {**params, **parameters(now)},
        )
        return dict(cursor.fetchall())


def preview(candidates: str, params: dict[str, Any], now: datetime, basis: str = "now") -> AudiencePreview:
    """Preview these candidates through the same statement that sends (J1)."""
    counts = count_reasons(candidates, params, now)
    sent, held = counts.pop("", 0), counts.get(GateReason.QUIET_HOURS, 0)
    total = sent + sum(counts.values())
    return AudiencePreview(total, sent, held, total - sent - held, counts, basis)


def parameters(now: datetime) -> dict[str, Any]:
    """Return the SQL parameters of the gate: the policy, the shop's zone and the channels."""
    limits = policy()
    store = Store.objects.filter(is_default=True).first()
    zones = known_zones()
    return {
        "now": now,
        "zones": sorted(zones),
        "zone": store.time_zone if store and store.time_zone in zones else FALLBACK_ZONE,
        "channels": CHANNELS.names(),
        "address_kinds": [channel.address_kind for channel in CHANNELS],
        "opt_in": [channel.opt_in for channel in CHANNELS],
        "cap_day": limits.cap_per_day or 0,
        "cap_week": limits.cap_per_week or 0,
        "marketing_day": limits.marketing_per_day or 0,
        "marketing_week": limits.marketing_per_week or 0,
        "survey_day": limits.surveys_per_day or 0,
        "survey_week": limits.surveys_per_week or 0,
        "quiet_from": limits.quiet_from,
        "quiet_until": limits.quiet_until,
        "stale": limits.stale_hours,
        "spread": limits.spread_minutes,
    }
