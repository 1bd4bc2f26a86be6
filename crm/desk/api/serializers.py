"""Request and response bodies of the API of the service desk."""

from __future__ import annotations

from rest_framework import serializers

from crm.desk.models import TicketPriority, TicketStatus


class TicketIn(serializers.Serializer):
    customer = serializers.CharField(max_length=20, required=False, help_text="Omit it with a member token.")
    subject = serializers.CharField(max_length=200)
    text = serializers.CharField(max_length=10000)
    priority = serializers.ChoiceField(
        choices=TicketPriority.choices,
        default=TicketPriority.NORMAL,
        help_text="Only with a server key, not with a member token.",
    )
    order = serializers.CharField(max_length=64, required=False, help_text="The order's number.")


class MemberTicketIn(serializers.Serializer):
    """A member's own ticket. Its priority follows from the member's tier and the shop's rules."""

    subject = serializers.CharField(max_length=200)
    text = serializers.CharField(max_length=10000)
    order = serializers.CharField(max_length=64, required=False)


class TicketOut(serializers.Serializer):
    number = serializers.CharField()
    subject = serializers.CharField()
    status = serializers.ChoiceField(choices=TicketStatus.choices)
    priority = serializers.IntegerField()
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()


class TicketMessageOut(serializers.Serializer):
    author = serializers.CharField(source="author_kind")
    text = serializers.CharField()
    created_at = serializers.DateTimeField()


class TicketDetailOut(TicketOut):
    messages = TicketMessageOut(many=True, source="public_messages", help_text="Public messages, oldest first.")


class ReplyIn(serializers.Serializer):
    text = serializers.CharField(max_length=10000)
