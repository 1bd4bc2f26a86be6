"""Count messages by the domain of their recipient, with their outcomes, so that a failing domain is noticed.

An address is readable only while its message is handed over, so the domain is counted in the transaction that records
the outcome. For a later report the address is decrypted once more.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import NamedTuple
from uuid import UUID

import structlog
from django.db import connection

from campaigns.channels.registry import CHANNELS
from campaigns.messages.models import DomainDay
from core.base import clock
from core.base.zones import shop_day, shop_zone
from core.db.columns import column_values, columns
from core.db.locks import require_transaction
from core.security import crypto

log = structlog.get_logger("liuke.deliverability")
LONGEST = 255
KEPT_DAYS = 400


class Outcome(NamedTuple):
    """Hold what is added to the counts of one message: 0 or 1 each."""

    message_id: UUID
    sent: int = 0
    delivered: int = 0
    bounced: int = 0
    complained: int = 0


def domain_of(address: str) -> str:
    """Return the domain of an e-mail address in lower case, or "" for any other address."""
    return address.rpartition("@")[2].strip().lower()[:LONGEST] if "@" in address else ""


def count_outcomes(outcomes: Sequence[Outcome], domains: Mapping[UUID, str] | None = None) -> None:
    """Add the outcomes to the counts of the day on which each message was sent, inside the caller's transaction.

    `domains` holds the domains that the caller knows; the others are read from the customer's address. Call it last:
    the rows of large domains are locked until the commit.
    """
    require_transaction()
    if not outcomes:
        return
    known = dict(domains or {})
    known |= _domains([outcome.message_id for outcome in outcomes if outcome.message_id not in known])
    rows = [
        (outcome.message_id, known.get(outcome.message_id, ""), *(str(value) for value in outcome[1:]))
        for outcome in outcomes
    ]
    with connection.cursor() as cursor:
        cursor.execute(
            f"""INSERT INTO campaigns_domainday AS d (day, channel, domain, sent, delivered, bounced, complained)
                SELECT (coalesce(m.sent_at, clock_timestamp()) AT TIME ZONE %s)::date, m.channel, g.domain,
                       sum(g.sent::int), sum(g.delivered::int), sum(g.bounced::int), sum(g.complained::int)
                FROM {columns(6)} AS g(id, domain, sent, delivered, bounced, complained)
                JOIN campaigns_message m ON m.id = g.id
                GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
                ON CONFLICT (day, channel, domain) DO UPDATE SET
                    sent = d.sent + excluded.sent, delivered = d.delivered + excluded.delivered,
                    bounced = d.bounced + excluded.bounced, complained = d.complained + excluded.complained""",  # noqa: S608 - fragments of the code; values are parameters
            [shop_zone(), *column_values(rows, 6)],
        )


def drop_old_counts() -> int:
    """Delete the counts of days that no page shows any more. Return how many rows."""
    oldest = shop_day(clock.now()) - timedelta(days=KEPT_DAYS)
    deleted, _by_model = DomainDay.objects.filter(day__lt=oldest).delete()
    return deleted


def _domains(message_ids: Sequence[UUID]) -> dict[UUID, str]:
    """Return the domains of the addresses that the gate chose: verified before unverified, newest first."""
    if not message_ids:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT m.id, address.value
               FROM campaigns_message m
               CROSS JOIN LATERAL (SELECT i.value FROM crm_identity i
                                   WHERE i.customer_id = m.customer_id AND i.kind = 'email'
                                   ORDER BY i.verified_at IS NULL, i.id DESC LIMIT 1) AS address
               WHERE m.id = ANY(%s) AND m.channel = ANY(%s)""",
            [list(message_ids), [channel.name for channel in CHANNELS if channel.address_kind == "email"]],
        )
        rows = cursor.fetchall()
    domains = {}
    for message_id, value in rows:
        try:
            domains[message_id] = domain_of(crypto.decrypt(bytes(value), "crm.identity.value"))
        except crypto.Undecryptable:
            log.error("address_not_readable", message=str(message_id))
    return domains
