"""Helpers of the tests of the pages of campaigns."""

from __future__ import annotations

from campaigns.messages.models import Message
from core.base.actor import SYSTEM
from crm.customers.services.consents import record_consent

PART = {"HX-Request": "true"}


def settled(message, state, **fields):
    Message.objects.filter(pk=message.pk).update(state=state, **fields)
    message.refresh_from_db()
    return message


def consented(customer):
    record_consent(
        customer=customer, channel="email", purpose="marketing", decision="granted", source="test", actor=SYSTEM
    )
