"""The gate over many messages in one statement (J1), for sending and for the audience preview alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection

from campaigns.channels import CHANNELS
from campaigns.models import SendingPolicy
from campaigns.rules.gate import Reason, Verdict
from core.zones import known_zones
from crm.models import Store

FALLBACK_ZONE = "UTC"

# {candidates} yields id, customer_id, channel, message_class, origin, step, occurrence, waiting_since, due_at, unmatched,
# holdout. Messages of one customer in one batch see each other: `prior` of them pass before this one.
_GATE = """
WITH candidate AS MATERIALIZED ({candidates}),
way AS (SELECT * FROM unnest(%(channels)s::text[], %(address_kinds)s::text[], %(opt_in)s::bool[])
            AS w(channel, address_kind, opt_in)),
known AS MATERIALIZED (
    SELECT x.*, c.state = 'active' AS active, w.address_kind, w.opt_in,
           x.message_class = 'marketing' AS marketing, x.message_class = 'marketing' OR x.step = 'survey' AS capped,
           CASE WHEN c.time_zone = ANY(%(zones)s::text[]) THEN c.time_zone ELSE %(zone)s END AS zone
    FROM candidate x JOIN crm_customer c ON c.id = x.customer_id JOIN way w ON w.channel = x.channel),
looked AS MATERIALIZED (
    SELECT k.*, address.id AS identity_id,
           CASE
               WHEN NOT k.active THEN 'customer_not_active'
               WHEN EXISTS (SELECT FROM campaigns_message m
                            WHERE m.customer_id = k.customer_id AND m.origin = k.origin AND m.step = k.step
                                  AND m.occurrence = k.occurrence AND m.channel = k.channel
                                  AND m.id IS DISTINCT FROM k.id
                                  AND (k.id IS NULL OR m.state IN ('sending', 'sent', 'uncertain'))) THEN 'duplicate'
               WHEN k.holdout THEN 'holdout'
               WHEN k.unmatched IS NOT NULL THEN k.unmatched
               WHEN k.marketing AND %(stale)s > 0 AND %(now)s - k.waiting_since > make_interval(hours => %(stale)s)
                   THEN 'stale'
               WHEN k.address_kind IS NOT NULL AND address.id IS NULL THEN 'no_address'
               WHEN coalesce(address.suppressed, false) OR EXISTS (
                   SELECT FROM campaigns_suppression s
                   WHERE s.customer_id = k.customer_id AND s.channel = k.channel AND s.address_index IS NULL
                         AND s.lifted_at IS NULL) THEN 'suppressed'
               WHEN k.marketing AND k.opt_in AND consent.granted IS NOT TRUE THEN 'no_consent'
               WHEN (k.marketing OR k.step = 'survey') AND consent.granted IS FALSE THEN 'no_consent'
           END AS refusal,
           CASE WHEN k.marketing THEN campaigns_quiet_until(%(now)s, k.zone, %(quiet_from)s, %(quiet_until)s) END AS quiet
    FROM known k
    LEFT JOIN crm_consentstate consent ON consent.customer_id = k.customer_id AND consent.channel = k.channel
        AND consent.purpose = CASE WHEN k.step = 'survey' THEN 'service' ELSE 'marketing' END
    LEFT JOIN LATERAL (
        SELECT i.id, EXISTS (SELECT FROM campaigns_suppression s
                             WHERE s.address_index = i.value_index AND s.channel = k.channel AND s.lifted_at IS NULL)
                     AS suppressed
        FROM crm_identity i WHERE i.customer_id = k.customer_id AND i.kind = k.address_kind
        ORDER BY 2, i.verified_at IS NULL, i.id DESC LIMIT 1) AS address ON k.address_kind IS NOT NULL),
counted AS (
    SELECT l.*, coalesce(sent.today, 0) AS today, coalesce(sent.week, 0) AS week,
           row_number() OVER (PARTITION BY l.customer_id, l.capped AND l.refusal IS NULL AND l.quiet IS NULL
                              ORDER BY l.due_at, l.id) - 1 AS earlier
    FROM looked l
    LEFT JOIN LATERAL (
        SELECT count(*) FILTER (WHERE t.at >= date_trunc('day', %(now)s AT TIME ZONE l.zone) AT TIME ZONE l.zone) AS today,
               count(*) AS week
        FROM (SELECT coalesce(m.sent_at, m.decided_at) AS at FROM campaigns_message m
              WHERE m.customer_id = l.customer_id AND m.state IN ('sent', 'sending', 'uncertain')
                    AND (m.message_class = 'marketing' OR m.step = 'survey')) AS t
        WHERE t.at >= date_trunc('week', %(now)s AT TIME ZONE l.zone) AT TIME ZONE l.zone
    ) AS sent ON l.capped AND l.refusal IS NULL AND l.quiet IS NULL),
passing AS (
    SELECT r.*, least(r.earlier, greatest(least(
               CASE WHEN %(cap_day)s > 0 THEN %(cap_day)s - r.today ELSE 2147483647 END,
               CASE WHEN %(cap_week)s > 0 THEN %(cap_week)s - r.week ELSE 2147483647 END), 0)) AS prior
    FROM counted r)
SELECT p.id, p.customer_id, p.identity_id,
       coalesce(p.refusal,
                CASE WHEN p.quiet IS NOT NULL THEN 'quiet_hours'
                     WHEN p.capped AND %(cap_day)s > 0 AND p.today + p.prior >= %(cap_day)s THEN 'cap_day'
                     WHEN p.capped AND %(cap_week)s > 0 AND p.week + p.prior >= %(cap_week)s THEN 'cap_week' END) AS reason,
       CASE WHEN p.refusal IS NULL THEN p.quiet + campaigns_spread(coalesce(p.id, gen_random_uuid()), %(spread)s) END
           AS held_until
FROM passing p
"""

_MESSAGES = """
SELECT m.id, m.customer_id, m.channel, m.message_class, m.origin, m.step, m.occurrence, m.due_at,
       CASE WHEN m.state = 'held' THEN m.decided_at ELSE m.due_at END AS waiting_since,
       campaigns_unmatched(m.origin, m.occurrence, m.customer_id) AS unmatched, false AS holdout
FROM campaigns_message m WHERE m.id = ANY(%(ids)s)
"""


@dataclass(frozen=True)
class Ruling:
    """The gate's word on one message: `identity_id` is the address to use."""

    id: UUID | None
    customer_id: int
    identity_id: int | None
    reason: str | None
    held_until: datetime | None

    @property
    def verdict(self) -> Verdict:
        if self.reason is None:
            return Verdict.SEND
        return Verdict.HOLD if self.reason == Reason.QUIET_HOURS else Verdict.SUPPRESS


@dataclass(frozen=True)
class AudiencePreview:
    """How an audience would fare through the gate now: `reasons` adds up to `total`, `sent` is what passes.

    `basis`: `now` are those that the campaign would take at once; for triggers that only look forward it is
    `last_30_days`, those it would have taken.
    """

    total: int
    sent: int
    held: int
    suppressed: int
    reasons: dict[str, int]
    basis: str


def policy() -> SendingPolicy:
    """The shop's limits; the defaults until someone has changed them."""
    found = SendingPolicy.objects.filter(pk=1).first()
    if found is None:
        found, _created = SendingPolicy.objects.get_or_create(pk=1)
        found.refresh_from_db()
    return found


def judge_messages(ids: Sequence[UUID], now: datetime) -> list[Ruling]:
    """Decide these messages. The caller has locked them and their customers."""
    with connection.cursor() as cursor:
        cursor.execute(_GATE.replace("{candidates}", _MESSAGES), {**parameters(now), "ids": list(ids)})
        return [Ruling(*row) for row in cursor.fetchall()]


def count_reasons(candidates: str, params: dict[str, Any], now: datetime) -> dict[str, int]:
    """How an audience would fare now, by reason; "" is sent. Nothing is written."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT coalesce(reason, ''), count(*) FROM ({_GATE.replace('{candidates}', candidates)}) AS ruled GROUP BY 1",
            {**params, **parameters(now)},
        )
        return dict(cursor.fetchall())


def preview(candidates: str, params: dict[str, Any], now: datetime, basis: str = "now") -> AudiencePreview:
    """How these candidates would fare now, through the same statement that sends (J1)."""
    counts = count_reasons(candidates, params, now)
    sent, held = counts.pop("", 0), counts.get(Reason.QUIET_HOURS, 0)
    total = sent + sum(counts.values())
    return AudiencePreview(total, sent, held, total - sent - held, counts, basis)


def parameters(now: datetime) -> dict[str, Any]:
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
        "quiet_from": limits.quiet_from,
        "quiet_until": limits.quiet_until,
        "stale": limits.stale_hours,
        "spread": limits.spread_minutes,
    }
