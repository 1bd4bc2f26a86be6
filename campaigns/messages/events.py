"""Declare the events of campaigns. `subject_id` is always the customer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext_lazy as _

from campaigns.channels.labels import channel_label
from campaigns.messages.labels import reason_label
from core.events.bus import declare


def _message(payload: Mapping[str, Any]) -> str:
    return " · ".join(
        filter(None, [channel_label(payload["channel"]), payload.get("subject") or payload.get("name", "")])
    )


def _not_sent(payload: Mapping[str, Any]) -> str:
    return f"{_message(payload)} · {reason_label(payload['reason'])}"


MESSAGE_SENT = declare("campaigns.message_sent", _("Message sent"), icon="send", describe=_message)
MESSAGE_CLICKED = declare("campaigns.message_clicked", _("Link in a message followed"), icon="click", describe=_message)
ADDRESS_SUPPRESSED = declare(
    "campaigns.address_suppressed", _("Address no longer used"), icon="mail-off", describe=_not_sent
)


def _lifted(payload: Mapping[str, Any]) -> str:
    return " · ".join(filter(None, [channel_label(payload["channel"]), payload.get("reason", "")]))


SUPPRESSION_LIFTED = declare(
    "campaigns.suppression_lifted", _("Address may be used again"), icon="mail", describe=_lifted
)
SUPPRESSIONS_EXPORTED = declare("campaigns.suppressions_exported", _("Suppression list exported"), on_timeline=False)
