"""Audit records of exports: each file that leaves the shop is recorded before its first row is sent."""

from __future__ import annotations

from collections.abc import Mapping

from django.db import transaction

from core.base.actor import Actor
from core.events.bus import emit
from crm.customers import events
from crm.customers.rules.identities import mask


def record_customer_export(*, rows: int, chosen: bool, filters: Mapping[str, str], actor: Actor) -> None:
    """Record an export of customers, chosen by hand or by these filters.

    Search words that may be a contact are masked.
    """
    payload_filters = {name: _masked(value) if name == "q" else value[:200] for name, value in filters.items() if value}
    with transaction.atomic():
        emit(
            events.CUSTOMERS_EXPORTED,
            subject_id=None,
            payload={"rows": rows, "chosen": chosen, "filters": payload_filters},
            actor=actor,
        )


def _masked(words: str) -> str:
    words = words.strip()[:100]
    if "@" in words:
        return mask("email", words)
    return mask("phone", words) if any(letter.isdigit() for letter in words) else words
