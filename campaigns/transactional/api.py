"""Messages that the shop's own systems request, and their outcome."""

from __future__ import annotations

import uuid

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from campaigns.messages.models import Message, MessageState
from campaigns.templates.models import MessageClass
from campaigns.transactional.services.requests import find_template, send_message
from core.api.schema import IDEMPOTENCY_KEY
from core.api.views import ApiView
from core.base.errors import NotFound
from core.jobs.queueing import enqueue_after_commit
from crm.customers.api.lookup import customer_of
from crm.customers.models import Customer


class MessageIn(serializers.Serializer):
    template = serializers.CharField(
        max_length=60, help_text="Code or ID of a transactional template. Marketing is sent by broadcasts and journeys."
    )
    customer = serializers.CharField(max_length=20, help_text="Customer number.")
    values = serializers.DictField(
        required=False, default=dict, help_text="The values that the template declares: texts, numbers, true or false."
    )


class MessageOut(serializers.Serializer):
    id = serializers.UUIDField()
    state = serializers.ChoiceField(
        choices=MessageState.values,
        help_text="`queued` until the gate decides; then `sending`, `sent`, `held`, `suppressed`, `failed` or "
        "`uncertain`.",
    )
    reason = serializers.CharField(help_text="Why it was not sent, such as `no_address` or `suppressed`; else empty.")
    error = serializers.CharField(help_text="The error of the template or the provider after a failure; else empty.")
    template = serializers.IntegerField(source="template_id")
    template_code = serializers.CharField(source="template.code", allow_null=True)
    customer = serializers.CharField(source="customer.number")
    channel = serializers.CharField()
    message_class = serializers.ChoiceField(choices=MessageClass.values)
    language = serializers.CharField(help_text="Empty until the message is rendered.")
    due_at = serializers.DateTimeField()
    created_at = serializers.DateTimeField()
    sent_at = serializers.DateTimeField(allow_null=True)


class MessagesView(ApiView):
    scopes = {"post": "messages:send"}

    @extend_schema(request=MessageIn, parameters=[IDEMPOTENCY_KEY], responses={201: MessageOut})
    def post(self, request: Request) -> Response:
        """Send a transactional message to one customer, such as a receipt or a shipping notice. Idempotent by key.

        The message passes the gate like every message: a bounced address gets nothing. The answer comes before the
        provider has the message, so poll the message by its `id`. 409 `marketing_template` for a template of the other
        class.
        """
        data = self.valid(MessageIn, request)
        message = send_message(
            template=find_template(data["template"]),
            customer=customer_of(request, data["customer"], Customer.objects.all()),
            values=data["values"],
            actor=self.actor_of(request),
            scope=self.scope_of(request),
            key=self.key_of(request),
        )
        enqueue_after_commit("campaigns.send_due")
        return Response(MessageOut(message).data, status=201)


class MessageView(ApiView):
    scopes = {"get": "messages:read"}

    @extend_schema(responses=MessageOut)
    def get(self, request: Request, message: uuid.UUID) -> Response:
        """Return the outcome of one message of any campaign or call."""
        row = Message.objects.select_related("template", "customer").filter(pk=message).first()
        if row is None:
            raise NotFound(code="unknown_message")
        return Response(MessageOut(row).data)
