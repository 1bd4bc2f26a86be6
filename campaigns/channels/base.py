"""What a channel is to the sender."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

from core.registry import Registry


class Result(StrEnum):
    SENT = "sent"
    TEMPORARY = "temporary"
    """Not taken now; the same may be taken later."""
    BOUNCED = "bounced"
    """This address takes no mail and never will: it is suppressed."""
    REFUSED = "refused"
    """This message is not taken; others to the same address may be."""
    AWAY = "away"
    """The provider can't be reached: nothing was handed over, and the rest of the batch need not be tried."""
    UNKNOWN = "unknown"
    """The connection broke after the message was handed over: it may have been taken (J2)."""


class Outgoing(NamedTuple):
    """One rendered message, ready for a provider. `id` is carried along, so that it can be asked for later."""

    id: UUID
    customer_id: int
    address: str
    subject: str
    body: str
    language: str
    message_class: str
    unsubscribe_url: str = ""


class Outcome(NamedTuple):
    id: UUID
    result: Result
    provider_id: str = ""
    error: str = ""


class Channel:
    """`batch` messages are marked as begun in one commit and handed over in one call: so many may be uncertain at worst.

    `address_kind` is the kind of identity it is sent to, None when none is needed; `opt_in` whether marketing needs a yes;
    `html` whether bodies are HTML, `needs_subject` whether a text without a subject is refused. A `local` channel has no provider: its messages are sent when they are decided.
    """

    name: str
    address_kind: str | None = None
    opt_in: bool = True
    html: bool = False
    local: bool = False
    batch: int = 1
    needs_subject: bool = False

    def ready(self) -> bool:
        """Whether it can be used: an account is there, where one is needed."""
        return True

    def begin_id(self, message_id: UUID) -> str:
        """What the provider will know the message by; stored before the call."""
        return str(message_id)

    def open(self) -> None:
        """Reach the provider, before anything is marked as begun: who dies while connecting has handed over nothing.

        Raises whatever says that it is away; the messages are queued again.
        """

    def deliver(self, batch: Sequence[Outgoing]) -> list[Outcome]:
        """Hand over to the provider. Never raises for one message's sake; outside any transaction."""
        raise NotImplementedError

    def find(self, provider_id: str) -> bool | None:
        """Whether the provider has this message. None: it can't say."""
        return None

    def close(self) -> None:
        """The batch is over: let go of connections."""


CHANNELS: Registry[Channel] = Registry("channel")
