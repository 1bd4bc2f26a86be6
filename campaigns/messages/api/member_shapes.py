"""Fields of messages that a member token can read."""

from __future__ import annotations

from campaigns.messages.api import serializers as messages_serializers
from core.api.shapes import picked

InboxMessage = picked(
    "MemberInboxMessage",
    messages_serializers.InboxMessageOut,
    "id",
    "subject",
    "body",
    "language",
    "sent_at",
    "read_at",
)
Unread = picked("MemberUnread", messages_serializers.UnreadOut, "unread")
