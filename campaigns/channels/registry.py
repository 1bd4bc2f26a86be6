"""Define channels as the sender sees them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar, NamedTuple
from uuid import UUID

from django.utils.functional import Promise

from campaigns.channels.models import ChannelAccount
from core.base.registry import Registry
from core.fields import Field
from core.http.outgoing import HttpAnswer, NoAnswer


class DeliveryResult(StrEnum):
    SENT = "sent"
    TEMPORARY = "temporary"
    """Not accepted now; a later attempt may be accepted."""
    BOUNCED = "bounced"
    """This address is permanently undeliverable: it is suppressed."""
    REFUSED = "refused"
    """This message is not accepted; others to the same address may be."""
    AWAY = "away"
    """The provider can't be reached: nothing was handed over, so the rest of the batch is not tried."""
    UNKNOWN = "unknown"
    """The connection broke after the message was handed over: it may have been accepted (J2)."""


class NoAccount(Exception):
    """Raise when the channel has no active account; due messages wait until an administrator creates one."""


class Outgoing(NamedTuple):
    """Hold one rendered message, ready for a provider.

    `id` is sent along, so that the message can be looked up later.
    """

    id: UUID
    customer_id: int
    address: str
    subject: str
    body: str
    language: str
    message_class: str
    unsubscribe_url: str = ""


class DeliveryOutcome(NamedTuple):
    id: UUID
    result: DeliveryResult
    provider_id: str = ""
    error: str = ""


class Channel:
    """Define a channel to customers.

    `batch` messages are marked as begun in one commit and handed over in one call: at most that many become uncertain.
    `address_kind` is the kind of identity to send to, None when no address is needed. `opt_in`: marketing needs a
    consent. `html`: bodies are HTML. `needs_subject`: a text without a subject is refused. A `local` channel has no
    provider: its messages are sent when they are decided.
    """

    name: str
    address_kind: str | None = None
    opt_in: bool = True
    html: bool = False
    local: bool = False
    batch: int = 1
    needs_subject: bool = False
    icon: str = "send"
    guide: Sequence[str | Promise] = ()
    """Steps that set up the channel, when it needs no account with a provider."""

    def ready(self) -> bool:
        """Return whether the channel can be used, that is, has an account if it needs one."""
        return True

    def begin_id(self, message_id: UUID) -> str:
        """Return the id by which the provider will know the message; it is stored before the call."""
        return str(message_id)

    def open(self) -> None:
        """Connect to the provider before any message is begun.

        A worker that dies while connecting has then handed over nothing. Raises any exception that says that the
        provider is unavailable; the messages are queued again.
        """

    def deliver(self, batch: Sequence[Outgoing]) -> list[DeliveryOutcome]:
        """Hand messages over to the provider, outside any transaction. A failure of one message is returned, never
        raised.
        """
        raise NotImplementedError

    def find(self, provider_id: str) -> bool | None:
        """Return whether the provider has this message. None: it can't say."""
        return None

    def close(self) -> None:
        """Release connections at the end of a batch."""


CHANNELS: Registry[Channel] = Registry("channel")


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
    fields: ClassVar[Sequence[Field]] = ()
    reports: ClassVar[bool] = False
    """Whether it reports the outcome of messages by callback."""
    guide: ClassVar[Sequence[str | Promise]] = ()
    """Steps that lead from nothing to the first message, for the card of the channel."""
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


@dataclass(frozen=True)
class ChannelHealth:
    """How a channel did lately: its last success, and the last 24 hours. `waiting` are due messages that wait."""

    last_sent_at: datetime | None = None
    sent: int = 0
    failed: int = 0
    waiting: int = 0
    error: str = ""

    @property
    def failure_rate(self) -> float:
        """Return the share of failed messages among those that were decided in the last 24 hours."""
        return self.failed / (self.sent + self.failed) if self.sent + self.failed else 0.0


# Registered by the subject that owns the messages: {channel: health}.
CHANNEL_HEALTH: Registry[Callable[[], Mapping[str, ChannelHealth]]] = Registry("health of channels")


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
