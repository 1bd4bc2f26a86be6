"""How replies on tickets reach customers: an app that sends them registers what it knows in its `extensions`.

    DELIVERIES.register("messages", states_of)

`states_of(customer_id, message_ids)` answers the messages that it has taken over, by the id of the ticket's message.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from core.registry import Registry
from crm.models import ReplyDelivery, Ticket, TicketMessage


@dataclass(frozen=True)
class Delivery:
    """`tone` as of a badge; `detail` says by which channel or why not; `url` is where more is known of it."""

    label: str | Promise
    tone: str = ""
    detail: str | Promise = ""
    url: str = ""


DELIVERIES: Registry[Callable[[int, Sequence[int]], dict[int, Delivery]]] = Registry("delivery of replies")

_OWN = {
    ReplyDelivery.QUEUED: Delivery(ReplyDelivery.QUEUED.label, "info"),
    ReplyDelivery.HANDED: Delivery(ReplyDelivery.QUEUED.label, "info"),
    ReplyDelivery.UNREACHABLE: Delivery(
        ReplyDelivery.UNREACHABLE.label, "bad", _("They read it only when they ask for the ticket in the storefront.")
    ),
}


def deliveries(ticket: Ticket, messages: Sequence[TicketMessage]) -> dict[int, Delivery]:
    """The state of each reply that is or was to be sent, by the message's id."""
    known = {message.pk: _OWN[ReplyDelivery(message.delivery)] for message in messages if message.delivery}
    handed = [message.pk for message in messages if message.delivery == ReplyDelivery.HANDED]
    if handed:
        for states_of in DELIVERIES:
            known |= states_of(ticket.customer_id, handed)
    return known
