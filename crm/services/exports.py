"""Audit records of exports: each file that leaves the shop is recorded before its first row is sent."""

from __future__ import annotations

from collections.abc import Mapping

from django.db import transaction

from core.actor import Actor
from core.events import emit
from crm import events
from crm.rules.identities import mask


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


def record_refusals_export(*, file_name: str, rows: int, actor: Actor, **of: int) -> None:
    """Record a download of refused rows, which may hold personal data. `of`: the id of the upload, by its kind."""
    payload = {**of, "rows": rows, "file": file_name}
    with transaction.atomic():
        emit(events.REFUSED_ROWS_EXPORTED, subject_id=None, payload=payload, actor=actor)


def _masked(words: str) -> str:
    words = words.strip()[:100]
    if "@" in words:
        return mask("email", words)
    return mask("phone", words) if any(letter.isdigit() for letter in words) else words
