"""Record reports of providers: delivered, failed, bounced, complained. A repeated report counts once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from uuid import UUID

import structlog
from django.db import connection, transaction

from campaigns.channels.models import ChannelAccount
from campaigns.channels.registry import PROVIDERS, Receipt, Status
from campaigns.messages import events
from campaigns.messages.services.messages import announce
from campaigns.messages.services.suppressions import suppress_bounced
from core.base.actor import SYSTEM
from core.events.bus import emit
from crm.customers.models import Customer
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
        for receipt in receipts:
            changed += _delivered(channel, receipt) if receipt.status is Status.DELIVERED else _failed(channel, receipt)
    return changed


def _delivered(channel: str, receipt: Receipt) -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            """UPDATE campaigns_message m SET state = 'sent', reason = '', error = '', delivered_at = clock_timestamp(),
                      sent_at = coalesce(m.sent_at, clock_timestamp()), claim = NULL, leased_until = NULL
               FROM (SELECT id, state FROM campaigns_message WHERE id = %s FOR UPDATE) AS old
               WHERE m.id = old.id AND m.channel = %s AND m.delivered_at IS NULL
                     AND (m.state IN ('sent', 'uncertain') OR m.state = 'sending' AND m.provider_id <> '')
               RETURNING old.state""",
            [receipt.message_id, channel],
        )
        row = cursor.fetchone()
    if row and row[0] != "sent":
        announce([receipt.message_id])
    return 1 if row else 0


def _failed(channel: str, receipt: Receipt) -> int:
    bounced = receipt.status is Status.BOUNCED
    with connection.cursor() as cursor:
        cursor.execute(
            """UPDATE campaigns_message SET state = 'failed', reason = %s, error = %s, claim = NULL, leased_until = NULL
               WHERE id = %s AND channel = %s AND delivered_at IS NULL
                     AND (state IN ('sent', 'uncertain') OR state = 'sending' AND provider_id <> '')""",
            ["bounce" if bounced else "undelivered", receipt.error.replace("\x00", ""), receipt.message_id, channel],
        )
        count = cursor.rowcount
    if count and bounced:
        suppress_bounced([receipt.message_id])
    return count


def record_mail_event(*, kind: str, message_id: UUID | None, address: str, error: str = "") -> bool:
    """Record an event of an e-mail provider: delivered, bounced, complained, unsubscribed.

    Return whether it changed anything. A bounce or complaint suppresses the address that it names, once.
    """
    with transaction.atomic():
        changed = False
        if message_id is not None and kind in {"delivered", "bounced"}:
            status = Status.DELIVERED if kind == "delivered" else Status.FAILED
            changed = bool(record_receipts(channel="email", receipts=[Receipt(message_id, status, error)]))
        if kind in {"bounced", "complained"} and address:
            changed = _suppress_address(address, "bounce" if kind == "bounced" else "complaint") or changed
    return changed


def _suppress_address(address: str, reason: str) -> bool:
    try:
        index = index_of("email", normalise("email", address))
    except ValueError:
        return False
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(encode(%s, 'hex'), 0))", [index])
        cursor.execute(
            """INSERT INTO campaigns_suppression (customer_id, channel, address_index, reason)
               SELECT (SELECT customer_id FROM crm_identity WHERE kind = 'email' AND value_index = %s LIMIT 1),
                      'email', %s, %s
               WHERE NOT EXISTS (SELECT FROM campaigns_suppression WHERE channel = 'email' AND address_index = %s
                                     AND lifted_at IS NULL)
               RETURNING customer_id""",
            [index, index, reason, index],
        )
        row = cursor.fetchone()
    if row and row[0] and Customer.objects.filter(pk=row[0]).exists():
        emit(events.ADDRESS_SUPPRESSED, subject_id=row[0], payload={"channel": "email", "reason": reason}, actor=SYSTEM)
    return row is not None
