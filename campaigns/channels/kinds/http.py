"""Send messages to a provider's HTTP API with the shop's account: SMS, WeChat, WeCom, the shop's own system."""

from __future__ import annotations

from collections.abc import Sequence

from campaigns.channels.models import ChannelAccount
from campaigns.channels.registry import PROVIDERS, Channel, DeliveryOutcome, NoAccount, Outgoing, Provider
from core.http.outgoing import Sender

SECONDS = 10.0


class HttpChannel(Channel):
    """Send by HTTP. The account is read again for each batch, so that a change takes effect immediately."""

    def __init__(
        self,
        name: str,
        *,
        address_kind: str | None,
        icon: str = "send",
        opt_in: bool = True,
        needs_subject: bool = False,
    ) -> None:
        self.name = name
        self.address_kind = address_kind
        self.icon = icon
        self.opt_in = opt_in
        self.needs_subject = needs_subject
        self._account: ChannelAccount | None = None
        self._sender: Sender | None = None

    def ready(self) -> bool:
        return ChannelAccount.objects.filter(channel=self.name, active=True).exists()

    def open(self) -> None:
        self._account = account_of(self.name)
        if self._sender is None:
            self._sender = Sender(seconds=SECONDS, connections=1)

    def deliver(self, batch: Sequence[Outgoing]) -> list[DeliveryOutcome]:
        account, provider, sender = self._ready()
        return [provider.send(account, item, sender.ask) for item in batch]

    def find(self, provider_id: str) -> bool | None:
        try:
            self.open()
            account, provider, sender = self._ready()
            return provider.find(account, provider_id, sender.ask)
        except NoAccount:
            return None
        finally:
            self.close()

    def close(self) -> None:
        if self._sender is not None:
            self._sender.pool.close()
        self._account = self._sender = None

    def _ready(self) -> tuple[ChannelAccount, Provider, Sender]:
        if self._account is None or self._sender is None:
            self.open()
        assert self._account is not None
        assert self._sender is not None
        return self._account, PROVIDERS[self._account.provider], self._sender


def account_of(channel: str) -> ChannelAccount:
    """Return the active account of the channel. Raises NoAccount."""
    account = ChannelAccount.objects.filter(channel=channel, active=True).first()
    if account is None or account.provider not in PROVIDERS:
        raise NoAccount(f"The channel {channel} has no active account.")
    return account
