"""Send messages to the shop's own system, which delivers them to the customer; signed by Standard Webhooks."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import ClassVar

from django.utils.translation import gettext_lazy as _

from campaigns.channels.models import ChannelAccount
from campaigns.channels.providers.gateway import Gateway, signed
from campaigns.channels.registry import (
    Ask,
    DeliveryOutcome,
    DeliveryResult,
    Outgoing,
    refused_by_status,
    unanswered,
)
from core.fields import Field
from core.http.outgoing import NoAnswer
from crm.customers.models import Customer


class OwnSystem(Gateway):
    name = "own_system"
    channel = "webhook"
    label = _("Signed webhook")
    reports = True
    guide = (
        _("Add an address to your own system that accepts signed messages."),
        _("Enter the address and the same signing secret on both sides."),
        _("Send a test and look at what your system received."),
    )
    fields: ClassVar[Sequence[Field]] = (
        Field("url", "url", _("Address"), help=_("Each message is sent as a signed POST to this address.")),
        Field(
            "secret",
            "signing_secret",
            _("Signing secret"),
            secret=True,
            help=_("whsec_ followed by base64, the same on both sides."),
        ),
    )

    def send(self, account: ChannelAccount, item: Outgoing, ask: Ask) -> DeliveryOutcome:
        values = account.values
        number = Customer.objects.filter(pk=item.customer_id).values_list("number", flat=True).first()
        body = json.dumps(
            {
                "type": "message.send",
                "timestamp": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
                "data": {
                    "id": str(item.id),
                    "customer": number or "",
                    "subject": item.subject,
                    "text": item.body,
                    "language": item.language,
                    "class": item.message_class,
                },
            },
            ensure_ascii=False,
            separators=(",", ":"),
        ).encode()
        try:
            answer = ask("POST", values["url"], signed(values["secret"], str(item.id), body), body)
        except NoAnswer as error:
            return unanswered(item, error)
        if 200 <= answer.status < 300:
            return DeliveryOutcome(item.id, DeliveryResult.SENT, str(item.id))
        return refused_by_status(item, answer)

    def find(self, account: ChannelAccount, provider_id: str, ask: Ask) -> bool | None:
        return None
