"""Send ticket replies to the customer: by the ticket's own channel, else by the first channel that reaches them."""

from __future__ import annotations

from django.db import connection, transaction

from campaigns.channels.registry import CHANNELS
from campaigns.messages.services.messages import queue_message
from campaigns.templates.services.presets import reply_template
from campaigns.transactional.rules import REPLY_ORIGIN
from core.db.locks import lock_row
from crm.desk.models import ReplyDelivery, Ticket, TicketMessage, TicketOrigin
from crm.desk.services import record_delivery

STEP = "reply"
ORDER = ("email", "sms", "wechat", "inbox")
# The inbox is in the storefront; a customer without a storefront account never opens it.
INBOX_KIND = "storefront"


def send_reply(*, message_id: int) -> bool:
    """Queue a public reply once, as a transactional message.

    Return False when it was queued before, or can't be delivered.
    """
    with transaction.atomic():
        queued = TicketMessage.objects.filter(pk=message_id, delivery=ReplyDelivery.QUEUED)
        if not queued.exists():
            return False
        message = lock_row(TicketMessage.objects.filter(pk=message_id))
        if message.delivery != ReplyDelivery.QUEUED:
            return False
        ticket = Ticket.objects.select_related("customer").get(pk=message.ticket_id)
        channel = channel_of(ticket)
        if channel is None:
            record_delivery(message=message, delivery=ReplyDelivery.UNREACHABLE)
            return False
        queue_message(
            customer=ticket.customer,
            template=reply_template(channel),
            origin=REPLY_ORIGIN,
            step=STEP,
            occurrence=str(message.pk),
            context={"ticket": {"number": ticket.number, "subject": ticket.subject, "reply": message.text}},
        )
        record_delivery(message=message, delivery=ReplyDelivery.HANDED)
    return True


def channel_of(ticket: Ticket) -> str | None:
    """Choose the channel of a reply: the one that the ticket came by, else the first that reaches the customer."""
    usable = reachable(ticket.customer_id)
    return next((name for name in [_own_channel(ticket), *ORDER] if name in usable), None)


def _own_channel(ticket: Ticket) -> str:
    """Return the ticket's channel: the app for storefront tickets; the message's channel for an answer to a message."""
    if ticket.origin == TicketOrigin.API:
        return "inbox"
    return ticket.origin_ref.partition(":")[0] if ticket.origin == TicketOrigin.REPLY else ""


def reachable(customer_id: int) -> set[str]:
    """Return the channels that are ready and have an address of the customer that may be used."""
    ready = [channel for channel in CHANNELS if channel.ready() and (channel.address_kind or channel.local)]
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT w.channel FROM unnest(%(channels)s::text[], %(kinds)s::text[]) AS w(channel, kind)
               WHERE EXISTS (SELECT FROM crm_identity i
                             WHERE i.customer_id = %(customer)s AND i.kind = w.kind AND NOT EXISTS (
                                 SELECT FROM campaigns_suppression s
                                 WHERE s.address_index = i.value_index AND s.channel = w.channel
                                   AND s.lifted_at IS NULL))
                     AND NOT EXISTS (SELECT FROM campaigns_suppression s
                                     WHERE s.customer_id = %(customer)s AND s.channel = w.channel
                                           AND s.address_index IS NULL AND s.lifted_at IS NULL)""",
            {
                "customer": customer_id,
                "channels": [channel.name for channel in ready],
                "kinds": [channel.address_kind or INBOX_KIND for channel in ready],
            },
        )
        return {row[0] for row in cursor.fetchall()}
