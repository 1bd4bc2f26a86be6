"""Apply the gate to many messages in one statement (J1), shared by sending and the audience preview."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection

from campaigns.channels.registry import CHANNELS
from campaigns.messages.models import SendingPolicy
from campaigns.messages.rules import GateReason, Verdict
from core.base.zones import known_zones
from core.db.columns import uuid_array
from crm.customers.models import Store

FALLBACK_ZONE = "UTC"
_CAPPED = """CASE
    WHEN %(cap_day)s > 0 AND c.today + {all} >= %(cap_day)s THEN 'cap_day'
    WHEN %(cap_week)s > 0 AND c.week + {all} >= %(cap_week)s THEN 'cap_week'
    WHEN c.alike_day > 0 AND c.today_alike + {alike} >= c.alike_day THEN 'cap_purpose_day'
    WHEN c.alike_week > 0 AND c.week_alike + {alike} >= c.alike_week THEN 'cap_purpose_week' END"""
_FIRST = _CAPPED.replace("{all}", "0").replace("{alike}", "0")
_NEXT = _CAPPED.replace("{all}", "b.marketing + b.surveys").replace(
    "{alike}", "CASE WHEN c.survey THEN b.surveys ELSE b.marketing END"
)
# The zone of customer `c`, else the shop's zone; uses the values of `parameters`.
CUSTOMER_ZONE = "CASE WHEN c.time_zone = ANY(%(zones)s::text[]) THEN c.time_zone ELSE %(zone)s END"
# {candidates} yields id, customer_id, channel, message_class, origin, step, occurrence, waiting_since, due_at,
# unmatched, holdout. Messages of one customer in one batch see each other.
_GATE = """
WITH RECURSIVE candidate AS MATERIALIZED ({candidates}),
way AS (SELECT * FROM unnest(%(channels)s::text[], %(address_kinds)s::text[], %(opt_in)s::bool[])
            AS w(channel, address_kind, opt_in)),
known AS MATERIALIZED (
    SELECT x.*, c.state = 'active' AS active, w.address_kind, w.opt_in,
           x.message_class = 'marketing' AS marketing, x.message_class = 'marketing' OR x.step = 'survey' AS capped,
           {zone} AS zone
    FROM candidate x JOIN crm_customer c ON c.id = x.customer_id JOIN way w ON w.channel = x.channel),
-- Compute local times once per zone instead of once per message.
local AS MATERIALIZED (
    SELECT z.zone, campaigns_quiet_until(%(now)s, z.zone, %(quiet_from)s, %(quiet_until)s) AS quiet,
           (%(now)s AT TIME ZONE z.zone)::date AS today,
           date_trunc('week', %(now)s AT TIME ZONE z.zone)::date AS monday
    FROM (SELECT DISTINCT zone FROM known) AS z),
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
           CASE WHEN k.capped THEN local.quiet END AS quiet, local.today AS this_day, local.monday
    FROM known k JOIN local ON local.zone = k.zone
    LEFT JOIN crm_consentstate consent ON consent.customer_id = k.customer_id AND consent.channel = k.channel
        AND consent.purpose = CASE WHEN k.step = 'survey' THEN 'service' ELSE 'marketing' END
    LEFT JOIN LATERAL (
        SELECT i.id, EXISTS (SELECT FROM campaigns_suppression s
                             WHERE s.address_index = i.value_index AND s.channel = k.channel AND s.lifted_at IS NULL)
                     AS suppressed
        FROM crm_identity i WHERE i.customer_id = k.customer_id AND i.kind = k.address_kind
        ORDER BY 2, i.verified_at IS NULL, i.id DESC LIMIT 1) AS address ON k.address_kind IS NOT NULL),
counted AS MATERIALIZED (
    SELECT e.*, coalesce(sent.today, 0) AS today, coalesce(sent.week, 0) AS week,
           coalesce(sent.today_alike, 0) AS today_alike, coalesce(sent.week_alike, 0) AS week_alike,
           CASE WHEN e.survey THEN %(survey_day)s ELSE %(marketing_day)s END AS alike_day,
           CASE WHEN e.survey THEN %(survey_week)s ELSE %(marketing_week)s END AS alike_week,
           row_number() OVER (PARTITION BY e.customer_id, e.counts ORDER BY e.due_at, e.id) AS place,
           count(*) OVER (PARTITION BY e.customer_id, e.counts) AS places
    FROM (SELECT l.*, l.step = 'survey' AS survey, l.capped AND l.refusal IS NULL AND l.quiet IS NULL AS counts
          FROM looked l) AS e
    LEFT JOIN LATERAL (
        SELECT count(*) FILTER (WHERE t.day >= e.this_day) AS today, count(*) AS week,
               count(*) FILTER (WHERE t.alike AND t.day >= e.this_day) AS today_alike,
               count(*) FILTER (WHERE t.alike) AS week_alike
        FROM (SELECT (coalesce(m.sent_at, m.decided_at) AT TIME ZONE e.zone)::date AS day,
                     (m.step = 'survey') = e.survey AS alike
              FROM campaigns_message m
              WHERE m.customer_id = e.customer_id AND m.state IN ('sent', 'sending', 'uncertain')
                    AND (m.message_class = 'marketing' OR m.step = 'survey')
                    -- Messages older than a week in every zone need no local day.
                    AND coalesce(m.sent_at, m.decided_at) > %(now)s - interval '9 days') AS t
        WHERE t.day >= e.monday
    ) AS sent ON e.counts),
-- Decide the messages of one customer in order: each one sees the messages that passed before it.
walk AS (
    SELECT c.customer_id, c.place, c.survey, 0 AS marketing_before, 0 AS surveys_before, {first} AS refusal
    FROM counted c WHERE c.counts AND c.places > 1 AND c.place = 1
    UNION ALL
    SELECT c.customer_id, c.place, c.survey, b.marketing, b.surveys, {next}
    FROM walk w JOIN counted c ON c.customer_id = w.customer_id AND c.counts AND c.place = w.place + 1
    CROSS JOIN LATERAL (SELECT w.marketing_before + (w.refusal IS NULL AND NOT w.survey)::int AS marketing,
                               w.surveys_before + (w.refusal IS NULL AND w.survey)::int AS surveys) AS b)
SELECT c.id, c.customer_id, c.identity_id,
       coalesce(c.refusal,
                CASE WHEN c.quiet IS NOT NULL THEN 'quiet_hours' WHEN NOT c.counts THEN NULL
                     WHEN c.places > 1 THEN w.refusal ELSE {first} END) AS reason,
       CASE WHEN c.refusal IS NULL THEN c.quiet + campaigns_spread(coalesce(c.id, gen_random_uuid()), %(spread)s) END
           AS held_until
FROM counted c LEFT JOIN walk w ON w.customer_id = c.customer_id AND w.place = c.place AND c.counts AND c.places > 1
"""
_GATE = _GATE.replace("{zone}", CUSTOMER_ZONE).replace("{first}", _FIRST).replace("{next}", _NEXT)
_MESSAGES = """
SELECT m.id, m.customer_id, m.channel, m.message_class, m.origin, m.step, m.occurrence, m.due_at,
       CASE WHEN m.state = 'held' THEN m.decided_at ELSE m.due_at END AS waiting_since,
       campaigns_unmatched(m.origin, m.occurrence, m.customer_id) AS unmatched, false AS holdout
FROM campaigns_message m WHERE m.id = ANY(%(ids)s::uuid[])
"""


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
        cursor.execute(_GATE.replace("{candidates}", _MESSAGES), {**parameters(now), "ids": uuid_array(ids)})
        return [Ruling(*row) for row in cursor.fetchall()]


def count_reasons(candidates: str, params: dict[str, Any], now: datetime) -> dict[str, int]:
    """Count an audience by the gate's current reasons; "" is sent. Writes nothing."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT coalesce(reason, ''), count(*) FROM ({_GATE.replace('{candidates}', candidates)}) AS ruled GROUP BY 1",
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
