"""Inbox of messages."""

from __future__ import annotations

from django.db.models import QuerySet

from campaigns.messages.models import Message, MessageState
from crm.customers.models import Customer


def inbox_of(customer: Customer) -> QuerySet[Message]:
    return Message.objects.filter(customer=customer, channel="inbox", state=MessageState.SENT)


def unread_count(customer: Customer) -> int:
    return inbox_of(customer).filter(read_at=None).count()
