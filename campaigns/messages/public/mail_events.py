"""Turn anymail's signal for provider webhooks into one service call per event."""

from __future__ import annotations

import re
from typing import Any
from uuid import UUID

from anymail.signals import tracking
from django.dispatch import receiver

from campaigns.messages.services.feedback import record_mail_event

_OURS = re.compile(r"<?([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})@")
# A deferred mail is still on its way; opens and clicks are counted by our own links.
KINDS = {"delivered": "delivered", "bounced": "bounced", "complained": "complained", "rejected": "bounced"}
# These reasons of a rejection say nothing about the address.
NOT_THE_ADDRESS = {"spam", "blocked", "timed_out", "unsubscribed", "other"}


@receiver(tracking, dispatch_uid="campaigns.mail_events")
def on_mail_event(sender: Any, event: Any, esp_name: str, **_fields: Any) -> None:
    kind = KINDS.get(event.event_type or "")
    if kind is None:
        return
    address = event.recipient or ""
    if kind == "bounced" and (event.reject_reason or "") in NOT_THE_ADDRESS:
        address = ""
    record_mail_event(
        kind=kind,
        message_id=_message_of(event),
        address=address,
        error=str(event.description or event.mta_response or "")[:300],
    )


def _message_of(event: Any) -> UUID | None:
    text = (event.metadata or {}).get("message", "")
    match = _OURS.match(event.message_id or "")
    try:
        return UUID(text) if text else UUID(match[1]) if match else None
    except ValueError:
        return None
