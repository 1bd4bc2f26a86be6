"""Verification that an event came from Liuke: Standard Webhooks, HMAC-SHA256 of id.timestamp.body."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import time
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from liuke.errors import LiukeError

TOLERANCE_SECONDS = 300


class WebhookInvalid(LiukeError):
    """The event is not from Liuke, was changed on the way, or is too old: answer 400 and do nothing."""


class Event(NamedTuple):
    """A verified event. `id` is the same in every attempt: store handled ids and drop a repeat.

    `timestamp` is ISO 8601 in UTC.
    """

    id: str
    type: str
    timestamp: str
    data: dict[str, Any]


def verify(
    headers: Mapping[str, str],
    body: bytes | str,
    secret: str | Sequence[str],
    *,
    tolerance: int = TOLERANCE_SECONDS,
    now: float | None = None,
) -> Event:
    """Return the event of a request, or raise WebhookInvalid. `body` is the unparsed body of the request.

    `secret` may be several during a replacement. `tolerance` is in seconds, in both directions.
    """
    lowered = {name.lower(): value for name, value in headers.items()}
    try:
        message_id, stamp = lowered["webhook-id"], lowered["webhook-timestamp"]
        signatures = lowered["webhook-signature"].split()
        sent_at = int(stamp)
    except (KeyError, ValueError):
        raise WebhookInvalid("The webhook headers are missing or damaged.") from None
    if abs((time.time() if now is None else now) - sent_at) > tolerance:
        raise WebhookInvalid("The timestamp differs too much from this clock.")
    raw = body.encode() if isinstance(body, str) else body
    secrets = [secret] if isinstance(secret, str) else list(secret)
    expected = [_signature(key, f"{message_id}.{stamp}.".encode() + raw) for key in secrets]
    # Compare every pair, so that the duration reveals nothing.
    matches = [hmac.compare_digest(ours.encode(), theirs.encode()) for ours in expected for theirs in signatures]
    if not any(matches):
        raise WebhookInvalid("The signature does not match.")
    try:
        content = json.loads(raw)
        return Event(message_id, content["type"], content["timestamp"], content["data"])
    except (ValueError, KeyError, TypeError):
        raise WebhookInvalid("The body is not an event.") from None


def _signature(secret: str, signed: bytes) -> str:
    try:
        key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("A webhook secret must be whsec_ followed by base64.") from None
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
