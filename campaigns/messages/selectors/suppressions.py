"""Read the suppression list: addresses and customers that must not get messages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import Q, QuerySet

from campaigns.channels.registry import CHANNELS
from campaigns.messages.models import Suppression
from crm.customers.models import Identity
from crm.customers.rules.identities import mask, normalise
from crm.customers.selectors import default_country
from crm.customers.services.identities import indexes_of

SHOWN_REASONS = ("bounce", "complaint", "manual")


@dataclass(frozen=True)
class SuppressionFilter:
    """Hold the filters of the list. `address` is a full address, of any kind that a channel sends to."""

    channel: str = ""
    reason: str = ""
    address: str = ""
    lifted: bool = False

    def rows(self) -> QuerySet[Suppression]:
        rows = Suppression.objects.filter(lifted_at__isnull=not self.lifted)
        if self.channel:
            rows = rows.filter(channel=self.channel)
        if self.reason == "other":
            rows = rows.exclude(reason__in=SHOWN_REASONS)
        elif self.reason:
            rows = rows.filter(reason=self.reason)
        if self.address:
            rows = rows.filter(of_address(self.address))
        return rows.select_related("customer", "created_by")


def of_address(address: str) -> Q:
    """Return the condition of an entry that blocks this address: the address itself, or the customer who has it."""
    indexes = _indexes_of(address.replace("\x00", ""))
    owners = Identity.objects.filter(value_index__in=indexes).values("customer_id")
    return Q(address_index__in=indexes) | Q(address_index=None, customer_id__in=owners)


def _indexes_of(address: str) -> list[bytes]:
    """Return the blind indexes that this address may have, as each kind that can be sent to."""
    indexes: list[bytes] = []
    for kind in sorted({channel.address_kind for channel in CHANNELS if channel.address_kind}):
        try:
            indexes += indexes_of(kind, normalise(kind, address, default_country()))
        except ValueError:
            continue
    return indexes


def addresses_of(rows: Sequence[Suppression]) -> dict[bytes, tuple[str, str]]:
    """Return (kind, address in full) by blind index. An address that no customer has any more is left out."""
    indexes = [bytes(row.address_index) for row in rows if row.address_index is not None]
    found = Identity.objects.filter(value_index__in=indexes)
    return {bytes(identity.value_index): (identity.kind, identity.value) for identity in found}


def masked(row: Suppression, addresses: dict[bytes, tuple[str, str]]) -> str:
    """Return the address of a row as staff may see it; "" when the row blocks a customer, or the address is gone."""
    kind, value = addresses.get(bytes(row.address_index or b""), ("", ""))
    return mask(kind, value) if value else ""
