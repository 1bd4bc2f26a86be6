"""Define channels as the sender sees them."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

from core.registry import Registry


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


class Outgoing(NamedTuple):
    """Hold one rendered message, ready for a provider. `id` is sent along, so that the message can be looked up later."""

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
