"""Return the delivery state of replies that were handed to a channel, for the desk."""

from __future__ import annotations

from collections.abc import Sequence

from django.urls import reverse
from django.utils.translation import gettext as _t

from campaigns.channels.labels import channel_label
from campaigns.messages import labels as words
from campaigns.messages.models import Message, MessageState
from campaigns.transactional.rules import REPLY_ORIGIN
from crm.desk.registry import ReplyState


def states_of(customer_id: int, message_ids: Sequence[int]) -> dict[int, ReplyState]:
    """Return by ticket message its state and channel, and the reason if it was not sent."""
    rows = Message.objects.filter(
        customer=customer_id, origin=REPLY_ORIGIN, occurrence__in=[str(pk) for pk in message_ids]
    ).order_by("created_at")
    return {int(row.occurrence): _state(row) for row in rows}


def _state(message: Message) -> ReplyState:
    badge = words.badge(message)
    label, tone = badge.label, badge.tone
    if message.state == MessageState.SENT:
        tone = "good"
        if message.read_at or message.opened_at:
            label = _t("Read")
        elif message.delivered_at:
            label = _t("Delivered")
    elif message.state in {MessageState.FAILED, MessageState.SUPPRESSED}:
        tone = "bad"
    elif not tone:
        tone = "info"
    detail = " · ".join(filter(None, [channel_label(message.channel), badge.reason]))
    return ReplyState(label, tone, detail, reverse("message", args=[message.pk]))
