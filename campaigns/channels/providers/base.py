"""Define providers as their channel sees them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, ClassVar
from uuid import UUID

from django.utils.functional import Promise

from campaigns.channels.base import DeliveryOutcome, DeliveryResult, Outgoing
from campaigns.models import ChannelAccount
from core.outgoing import HttpAnswer, NoAnswer
from core.registry import Registry


@dataclass(frozen=True)
class ProviderField:
    """Define one setting of an account. A secret is stored encrypted; a `url` is checked before it is stored."""

    name: str
    label: str | Promise
    secret: bool = False
    url: bool = False
    required: bool = True
    help: str | Promise = ""
    default: str = ""


class Status(StrEnum):
    DELIVERED = "delivered"
    FAILED = "failed"
    BOUNCED = "bounced"


@dataclass(frozen=True)
class Receipt:
    """Hold a provider's later report on one message."""

    message_id: UUID
    status: Status
    error: str = ""


class Forged(Exception):
    """Raise for a callback that the provider did not send, or that is too old."""


Ask = Callable[[str, str, Mapping[str, str], bytes], HttpAnswer]


class Provider:
    """Define a provider. `send` hands over one message with `ask`, which raises NoAnswer; failures are returned, not
    raised.
    """

    name: ClassVar[str]
    channel: ClassVar[str]
    label: ClassVar[str | Promise]
    fields: ClassVar[Sequence[ProviderField]] = ()
    reports: ClassVar[bool] = False
    """Whether it reports the outcome of messages by callback."""
    by_template: ClassVar[bool] = False
    """Whether it only sends templates that it approved; the subject of a template here is the id of such a template."""

    def send(self, account: ChannelAccount, item: Outgoing, ask: Ask) -> DeliveryOutcome:
        raise NotImplementedError

    def find(self, account: ChannelAccount, provider_id: str, ask: Ask) -> bool | None:
        """Return whether the provider has this message. None: it can't say."""
        return None

    def receipts(self, account: ChannelAccount, headers: Mapping[str, str], body: bytes) -> list[Receipt]:
        """Return the reports of a callback. Raises Forged, and ValueError for an unreadable body."""
        raise Forged

    def reply(self) -> dict[str, Any]:
        """Return the answer that the provider expects to an accepted callback."""
        return {}


PROVIDERS: Registry[Provider] = Registry("provider")


def unanswered(item: Outgoing, error: NoAnswer) -> DeliveryOutcome:
    """Return the outcome of a request without an answer: nothing was handed over unless a connection stood (J2)."""
    result = DeliveryResult.UNKNOWN if error.reached else DeliveryResult.AWAY
    return DeliveryOutcome(item.id, result, error=f"{error.code}: {error}"[:500])


def refused_by_status(item: Outgoing, answer: HttpAnswer) -> DeliveryOutcome:
    """Classify an HTTP error: 429 and 503 were not accepted, other 5xx may have been; all others are refusals."""
    if answer.status in {429, 503}:
        result = DeliveryResult.TEMPORARY
    elif answer.status >= 500:
        result = DeliveryResult.UNKNOWN
    else:
        result = DeliveryResult.REFUSED
    return DeliveryOutcome(item.id, result, error=f"{answer.status}: {answer.text}"[:500])


def read_json(text: str) -> dict[str, Any]:
    """Return a JSON object; an empty one when the text is not a JSON object."""
    try:
        data = json.loads(text)
    except ValueError:
        return {}
    return data if isinstance(data, dict) else {}


def lines_of(text: str) -> dict[str, str]:
    """Return the fields of a text with one `name: value` per line, for providers whose templates only have fields."""
    pairs = (re.split(r"[:：]", line, maxsplit=1) for line in text.splitlines() if line.strip())
    return {pair[0].strip(): pair[-1].strip() if len(pair) == 2 else "" for pair in pairs if pair[0].strip()}
