"""Checks that an event came from Liuke: Standard Webhooks, HMAC-SHA256 of id.timestamp.body."""

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
    """Not from Liuke, changed on the way, or too old: answer 400 and do nothing."""


class Event(NamedTuple):
    """`id` is the same in every attempt: keep those that you have done and drop a repeat. `timestamp` is ISO 8601, UTC."""

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
    """The event of a request, or WebhookInvalid. `body` is exactly what arrived, not what a parser made of it.

    `secret` may be several while one is being replaced. `tolerance` is in seconds, both ways.
    """
    given = {name.lower(): value for name, value in headers.items()}
    try:
        message_id, stamp = given["webhook-id"], given["webhook-timestamp"]
        signatures = given["webhook-signature"].split()
        sent_at = int(stamp)
    except (KeyError, ValueError):
        raise WebhookInvalid("The webhook headers are missing or damaged.") from None
    if abs((time.time() if now is None else now) - sent_at) > tolerance:
        raise WebhookInvalid("The timestamp is too far from this clock.")
    raw = body.encode() if isinstance(body, str) else body
    secrets = [secret] if isinstance(secret, str) else list(secret)
    wanted = [_signature(key, f"{message_id}.{stamp}.".encode() + raw) for key in secrets]
    # Every pair is compared, so that the time taken tells nothing.
    matches = [hmac.compare_digest(ours.encode(), theirs.encode()) for ours in wanted for theirs in signatures]
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
        raise ValueError("A webhook secret looks like whsec_ and base64.") from None
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
