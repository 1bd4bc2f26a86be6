"""Record reports of providers: delivered, failed, bounced, complained. A repeated report counts once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from uuid import UUID

import structlog
from django.db import connection, transaction

from campaigns.channels.models import ChannelAccount
from campaigns.channels.registry import PROVIDERS, Receipt, Status
from campaigns.messages.services.deliverability import Outcome, count_outcomes, domain_of
from campaigns.messages.services.messages import announce
from campaigns.messages.services.suppressions import suppress_bounced, suppress_index
from core.base.actor import SYSTEM
from crm.customers.rules.identities import normalise
from crm.customers.services.identities import index_of

log = structlog.get_logger("liuke.feedback")


def take_receipts(*, account: ChannelAccount, headers: Mapping[str, str], body: bytes) -> int:
    """Take a provider's callback. Raises `providers.base.Forged`, and ValueError for an unreadable body."""
    receipts = PROVIDERS[account.provider].receipts(account, headers, body)
    return record_receipts(channel=account.channel, receipts=receipts)


def record_receipts(*, channel: str, receipts: Sequence[Receipt]) -> int:
    """Store the outcome of messages of this channel. Return how many changed.

    An uncertain message becomes certain after either report (J2). A delivered message stays delivered.
    """
    changed = 0
    with transaction.atomic():
        # In the order of the reports: whichever of two outcomes of a message comes first is stored.
        for delivered, group in groupby(receipts, key=lambda receipt: receipt.status is Status.DELIVERED):
            if delivered:
                changed += _delivered(channel, [receipt.message_id for receipt in group])
            else:
                changed += sum(_failed(channel, receipt) for receipt in group)
    return changed


def _delivered(channel: str, message_ids: Sequence[UUID]) -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            """UPDATE campaigns_message m SET state = 'sent', error = '', delivered_at = clock_timestamp(),
                      -- A complaint may be reported before the delivery.
                      reason = CASE WHEN m.reason = 'complaint' THEN m.reason ELSE '' END,
                      sent_at = coalesce(m.sent_at, clock_timestamp()), claim = NULL, leased_until = NULL
               FROM (SELECT id, state FROM campaigns_message WHERE id = ANY(%s) ORDER BY id FOR UPDATE) AS old
               WHERE m.id = old.id AND m.channel = %s AND m.delivered_at IS NULL
                     AND (m.state IN ('sent', 'uncertain') OR m.state = 'sending' AND m.provider_id <> '')
               RETURNING m.id, old.state""",
            [list(message_ids), channel],
        )
        rows = cursor.fetchall()
    new = [message_id for message_id, state in rows if state != "sent"]
    if new:
        announce(new)
    count_outcomes([Outcome(message_id, sent=int(state != "sent"), delivered=1) for message_id, state in rows])
    return len(rows)


def _failed(channel: str, receipt: Receipt) -> int:
    bounced = receipt.status is Status.BOUNCED
    with connection.cursor() as cursor:
        cursor.execute(
            """UPDATE campaigns_message m SET state = 'failed', reason = %s, error = %s, claim = NULL,
                      leased_until = NULL
               FROM (SELECT id, state FROM campaigns_message WHERE id = %s FOR UPDATE) AS old
               WHERE m.id = old.id AND m.channel = %s AND m.delivered_at IS NULL
                     AND (m.state IN ('sent', 'uncertain') OR m.state = 'sending' AND m.provider_id <> '')
               RETURNING old.state""",
            ["bounce" if bounced else "undelivered", receipt.error.replace("\x00", ""), receipt.message_id, channel],
        )
        row = cursor.fetchone()
    if row is None:
        return 0
    # The address is looked up before it is suppressed, because the next one would be found afterwards.
    count_outcomes([Outcome(receipt.message_id, sent=int(row[0] != "sent"), bounced=1)])
    if bounced:
        suppress_bounced([receipt.message_id])
    return 1


def record_mail_event(*, kind: str, message_id: UUID | None, address: str, error: str = "") -> bool:
    """Record an event of an e-mail provider: delivered, bounced, complained, unsubscribed.

    Return whether it changed anything. A bounce or complaint suppresses the address that it names, once.
    """
    with transaction.atomic():
        changed = False
        if message_id is not None and kind in {"delivered", "bounced"}:
            status = Status.DELIVERED if kind == "delivered" else Status.FAILED
            changed = bool(record_receipts(channel="email", receipts=[Receipt(message_id, status, error)]))
        if kind == "complained":
            changed = _complained(message_id, address) or changed
        if kind in {"bounced", "complained"} and address:
            changed = _suppress_address(address, "bounce" if kind == "bounced" else "complaint") or changed
    return changed


def _complained(message_id: UUID | None, address: str) -> bool:
    """Store the complaint with its message, once; without an id, with the last e-mail that this address got."""
    with connection.cursor() as cursor:
        if message_id is None:
            try:
                index = index_of("email", normalise("email", address))
            except ValueError:
                return False
            cursor.execute(
                """SELECT m.id FROM crm_identity i JOIN campaigns_message m ON m.customer_id = i.customer_id
                   WHERE i.kind = 'email' AND i.value_index = %s AND m.channel = 'email' AND m.state = 'sent'
                   ORDER BY m.sent_at DESC LIMIT 1""",
                [index],
            )
            row = cursor.fetchone()
            message_id = row[0] if row else None
        cursor.execute(
            """UPDATE campaigns_message SET reason = 'complaint'
               WHERE id = %s AND channel = 'email' AND state = 'sent' AND reason <> 'complaint'""",
            [message_id],
        )
        changed = cursor.rowcount == 1
    if changed and message_id is not None:
        domain = domain_of(address)
        count_outcomes([Outcome(message_id, complained=1)], {message_id: domain} if domain else None)
    return changed


def _suppress_address(address: str, reason: str) -> bool:
    try:
        index = index_of("email", normalise("email", address))
    except ValueError:
        return False
    return suppress_index(channel="email", kind="email", index=index, reason=reason, actor=SYSTEM) is not None
