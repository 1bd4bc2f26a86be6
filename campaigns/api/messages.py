"""Messages that the shop's own systems ask for, and what became of them."""

from __future__ import annotations

import uuid

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.response import Response

from campaigns.models import Message, MessageClass, MessageState
from campaigns.services.requested_messages import find_template, send_message
from campaigns.tasks import wake_sender
from core.api.schema import IDEMPOTENCY_KEY
from core.api.views import ApiView
from core.errors import NotFound
from crm.api.customers import customer_of
from crm.models import Customer


class MessageIn(serializers.Serializer):
    template = serializers.CharField(
        max_length=60, help_text="Code or id of a transactional template. Marketing goes by broadcasts and journeys."
    )
    customer = serializers.CharField(max_length=20, help_text="Customer number.")
    values = serializers.DictField(
        required=False, default=dict, help_text="What the template declares: texts, numbers, true or false."
    )


class MessageOut(serializers.Serializer):
    id = serializers.UUIDField()
    state = serializers.ChoiceField(
        choices=MessageState.values,
        help_text="`queued` until the gate has decided; then `sending`, `sent`, `held`, `suppressed`, `failed` or `uncertain`.",
    )
    reason = serializers.CharField(help_text="Why it was not sent, such as `no_address` or `suppressed`; else empty.")
    error = serializers.CharField(help_text="What the template or the provider said when it failed; else empty.")
    template = serializers.IntegerField(source="template_id")
    template_code = serializers.CharField(source="template.code", allow_null=True)
    customer = serializers.CharField(source="customer.number")
    channel = serializers.CharField()
    message_class = serializers.ChoiceField(choices=MessageClass.values)
    language = serializers.CharField(help_text="Empty until it is written.")
    due_at = serializers.DateTimeField()
    created_at = serializers.DateTimeField()
    sent_at = serializers.DateTimeField(allow_null=True)


class MessagesView(ApiView):
    scopes = {"post": "messages:send"}

    @extend_schema(request=MessageIn, parameters=[IDEMPOTENCY_KEY], responses={201: MessageOut})
    def post(self, request):
        """Send one customer what they asked for: a receipt, a parcel on its way. The same key again sends nothing twice.

        It passes the gate as every message does: an address that bounced gets nothing. The answer comes before the provider
        has it, so ask for the message by its `id`. 409 `marketing_template` for a template of the other class.
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
        wake_sender()
        return Response(MessageOut(message).data, status=201)


class MessageView(ApiView):
    scopes = {"get": "messages:read"}

    @extend_schema(responses=MessageOut)
    def get(self, request, message: uuid.UUID):
        """What became of one message, whichever campaign or call it belongs to."""
        found = Message.objects.select_related("template", "customer").filter(pk=message).first()
        if found is None:
            raise NotFound(code="unknown_message")
        return Response(MessageOut(found).data)
