"""Request and response bodies of the API of messages."""

from __future__ import annotations

from rest_framework import serializers


class InboxMessageOut(serializers.Serializer):
    id = serializers.UUIDField()
    subject = serializers.CharField()
    body = serializers.CharField(help_text="Plain text.")
    language = serializers.CharField()
    sent_at = serializers.DateTimeField()
    read_at = serializers.DateTimeField(allow_null=True)


class UnreadOut(serializers.Serializer):
    unread = serializers.IntegerField()
