"""Send SMS through any gateway that implements our HTTP contract (docs/how-to/connect-an-sms-gateway.md).

Every request is signed by Standard Webhooks (https://www.standardwebhooks.com). `webhook-id` is the message's id, so
that a repeat can be dropped. Delivery receipts are signed with the same secret.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import json
import time
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import ClassVar
from uuid import UUID

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from campaigns.channels.models import ChannelAccount
from campaigns.channels.registry import (
    Ask,
    DeliveryOutcome,
    DeliveryResult,
    Forged,
    Outgoing,
    Provider,
    Receipt,
    Status,
    read_json,
    refused_by_status,
    unanswered,
)
from core.fields import Field
from core.http.outgoing import PREFIX, NoAnswer, signature

TOLERANCE_SECONDS = 300


class Gateway(Provider):
    name = "gateway"
    channel = "sms"
    label = _("HTTP gateway")
    reports = True
    guide: ClassVar[Sequence[str | Promise]] = (
        _("Ask your SMS provider for an HTTP gateway, or write a small one by the guide of the product."),
        _("Enter its address and the same signing secret on both sides."),
        _("Enter the receipt address of this account at the gateway."),
        _("Send a test to your own phone."),
    )
    fields: ClassVar[Sequence[Field]] = (
        Field("url", "url", _("Address"), help=_("Each message is sent as a signed POST to this address.")),
        Field("sender", "line", _("Sender"), required=False, help=_("The sender name or number that customers see.")),
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
        body = json.dumps(
            {"id": str(item.id), "to": item.address, "text": item.body, "sender": values.get("sender", "")},
            ensure_ascii=False,
        ).encode()
        try:
            answer = ask("POST", values["url"], signed(values["secret"], str(item.id), body), body)
        except NoAnswer as error:
            return unanswered(item, error)
        if 200 <= answer.status < 300:
            return DeliveryOutcome(item.id, DeliveryResult.SENT, str(item.id))
        if answer.status == 422 and read_json(answer.text).get("error") == "invalid_number":
            return DeliveryOutcome(item.id, DeliveryResult.BOUNCED, error=answer.text[:500])
        return refused_by_status(item, answer)

    def find(self, account: ChannelAccount, provider_id: str, ask: Ask) -> bool | None:
        values = account.values
        try:
            answer = ask(
                "GET", f"{values['url'].rstrip('/')}/{provider_id}", signed(values["secret"], provider_id, b""), b""
            )
        except NoAnswer:
            return None
        return True if answer.status == 200 else False if answer.status == 404 else None

    def receipts(self, account: ChannelAccount, headers: Mapping[str, str], body: bytes) -> list[Receipt]:
        verify(account.values["secret"], headers, body)
        data = read_json(body.decode("utf-8", "replace"))
        return [Receipt(UUID(str(data["id"])), Status(data["status"]), str(data.get("error", ""))[:300])]


def signed(secret: str, message_id: str, body: bytes) -> dict[str, str]:
    now = int(time.time())
    return {
        "content-type": "application/json",
        "webhook-id": message_id,
        "webhook-timestamp": str(now),
        "webhook-signature": signature([secret], message_id, now, body),
    }


def verify(secret: str, headers: Mapping[str, str], body: bytes, now: float | None = None) -> None:
    """Raise Forged unless the body was signed with the secret within the last five minutes."""
    try:
        at = int(headers["webhook-timestamp"])
        if abs((now or time.time()) - at) > TOLERANCE_SECONDS:
            raise Forged("too old")
        key = base64.b64decode(secret.removeprefix(PREFIX))
        expected = hmac.digest(key, f"{headers['webhook-id']}.{at}.".encode() + body, sha256)
        signatures = [
            base64.b64decode(mark[3:]) for mark in headers["webhook-signature"].split() if mark.startswith("v1,")
        ]
    except (KeyError, ValueError, binascii.Error):
        raise Forged("unsigned") from None
    if not any(hmac.compare_digest(expected, one) for one in signatures):
        raise Forged("signature")
