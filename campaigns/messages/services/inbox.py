"""Mark a member's messages in the app as read."""

from __future__ import annotations

from uuid import UUID

from django.utils.translation import gettext_lazy as _

from campaigns.messages.models import Message
from campaigns.messages.selectors.inbox import inbox_of
from core.base import clock
from core.base.errors import NotFound
from crm.customers.models import Customer


def mark_read(*, customer: Customer, message_id: UUID) -> Message:
    """Mark one message as read. Only the first reading is stored. Raises NotFound."""
    rows = inbox_of(customer).filter(pk=message_id)
    now = clock.now()
    rows.filter(read_at=None).update(read_at=now, opened_at=now)
    message = rows.first()
    if message is None:
        raise NotFound(_("There is no message with this ID."), code="unknown_message")
    return message


def mark_all_read(*, customer: Customer) -> int:
    """Mark all unread messages of a customer's inbox as read. Return their number."""
    now = clock.now()
    return inbox_of(customer).filter(read_at=None).update(read_at=now, opened_at=now)
