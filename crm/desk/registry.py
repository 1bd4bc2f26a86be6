"""States of the replies to customers. An app that sends replies registers a function in its `extensions`:

    DELIVERIES.register("messages", states_of)

`states_of(customer_id, message_ids)` returns the states of the replies that the app has taken over, by message id.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from core.base.registry import Registry
from crm.customers.models import Customer
from crm.desk.models import ReplyDelivery, Ticket, TicketMessage


@dataclass(frozen=True)
class ReplyState:
    """`tone` is that of a badge; `detail` names the channel or the reason; `url` leads to more details."""

    label: str | Promise
    tone: str = ""
    detail: str | Promise = ""
    url: str = ""


DELIVERIES: Registry[Callable[[int, Sequence[int]], dict[int, ReplyState]]] = Registry("delivery of replies")
_OWN = {
    ReplyDelivery.QUEUED: ReplyState(ReplyDelivery.QUEUED.label, "info"),
    ReplyDelivery.HANDED: ReplyState(ReplyDelivery.QUEUED.label, "info"),
    ReplyDelivery.UNREACHABLE: ReplyState(
        ReplyDelivery.UNREACHABLE.label, "bad", _("The customer sees it only in the ticket in the storefront.")
    ),
}


def deliveries(ticket: Ticket, messages: Sequence[TicketMessage]) -> dict[int, ReplyState]:
    """Return the state of each reply that was or will be sent to the customer, by message id."""
    known = {message.pk: _OWN[ReplyDelivery(message.delivery)] for message in messages if message.delivery}
    handed = [message.pk for message in messages if message.delivery == ReplyDelivery.HANDED]
    if handed:
        for states_of in DELIVERIES:
            known |= states_of(ticket.customer_id, handed)
    return known


PRIORITIES: Registry[Callable[[Customer], int]] = Registry("priority of tickets")


def priority_for(customer: Customer, asked: int) -> int:
    """Return the higher of the requested priority and the one that the customer is entitled to."""
    return max([asked, *(priority_of(customer) for priority_of in PRIORITIES)])
