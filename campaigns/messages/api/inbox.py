"""Inbox of messages."""

from __future__ import annotations

import uuid

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from campaigns.coupons.api.views import PEOPLE
from campaigns.messages.api import member_shapes as messages_member_shapes
from campaigns.messages.api import serializers as messages_serializers
from campaigns.messages.models import Message
from campaigns.messages.selectors import inbox as messages_inbox
from campaigns.messages.services.inbox import mark_all_read, mark_read
from core.api.pagination import KeysetPagination
from core.api.views import ApiViewSet
from crm.customers.api.lookup import customer_of


class InboxPages(KeysetPagination):
    ordering = ("-sent_at", "-id")


class InboxViewSet(ApiViewSet):
    scopes = {"list": "inbox:read", "unread": "inbox:read", "read": "inbox:read", "read_all": "inbox:read"}
    without_body = ("read", "read_all")
    member_actions = ("list", "unread", "read", "read_all")
    member_shapes = dict.fromkeys(("list", "read"), messages_member_shapes.InboxMessage) | dict.fromkeys(
        ("unread", "read_all"), messages_member_shapes.Unread
    )
    pagination_class = InboxPages
    serializer_class = messages_serializers.InboxMessageOut
    queryset = Message.objects.none()
    filter_backends = []

    @extend_schema(responses=messages_serializers.InboxMessageOut(many=True))
    def list(self, request: Request, number: str) -> Response:
        """List messages in the app, newest first."""
        page = self.paginate_queryset(messages_inbox.inbox_of(customer_of(request, number, PEOPLE)))
        return self.get_paginated_response(
            self.shape(request, messages_serializers.InboxMessageOut)(page, many=True).data
        )

    @extend_schema(responses=messages_serializers.UnreadOut)
    def unread(self, request: Request, number: str) -> Response:
        """Return the number of unread messages."""
        count = messages_inbox.unread_count(customer_of(request, number, PEOPLE))
        return Response(self.shape(request, messages_serializers.UnreadOut)({"unread": count}).data)

    @extend_schema(request=None, responses=messages_serializers.InboxMessageOut)
    def read(self, request: Request, number: str, message: uuid.UUID) -> Response:
        """Mark one message as read; only the first reading is stored."""
        read = mark_read(customer=customer_of(request, number, PEOPLE), message_id=message)
        return Response(self.shape(request, messages_serializers.InboxMessageOut)(read).data)

    @extend_schema(operation_id="customers_inbox_read_all", request=None, responses=messages_serializers.UnreadOut)
    def read_all(self, request: Request, number: str) -> Response:
        """Mark all messages as read."""
        mark_all_read(customer=customer_of(request, number, PEOPLE))
        return Response(self.shape(request, messages_serializers.UnreadOut)({"unread": 0}).data)
