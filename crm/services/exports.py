"""What leaves the shop as a file is accounted for before the first row is sent."""

from __future__ import annotations

from collections.abc import Mapping

from django.db import transaction

from core.actor import Actor
from core.events import emit
from crm import events
from crm.rules.identities import mask


def record_customer_export(*, rows: int, chosen: bool, filters: Mapping[str, str], actor: Actor) -> None:
    """So many customers, picked by hand or by these filters, went to this person. Words that may be a contact are masked."""
    kept = {name: _masked(value) if name == "q" else value[:200] for name, value in filters.items() if value}
    with transaction.atomic():
        emit(
            events.CUSTOMERS_EXPORTED,
            subject_id=None,
            payload={"rows": rows, "chosen": chosen, "filters": kept},
            actor=actor,
        )


def record_refusals_export(*, file_name: str, rows: int, actor: Actor, **of: int) -> None:
    """The refused rows of a file hold whatever stood in it. `of`: the id of what it was uploaded for, by its name."""
    payload = {**of, "rows": rows, "file": file_name}
    with transaction.atomic():
        emit(events.REFUSED_ROWS_EXPORTED, subject_id=None, payload=payload, actor=actor)


def _masked(words: str) -> str:
    words = words.strip()[:100]
    if "@" in words:
        return mask("email", words)
    return mask("phone", words) if any(letter.isdigit() for letter in words) else words
