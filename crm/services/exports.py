"""What leaves the shop as a file is accounted for before the first row is sent."""

from __future__ import annotations

from collections.abc import Mapping

from django.db import transaction

from core.actor import Actor
from core.events import emit
from crm import events
from crm.models import ImportRun
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


def record_refusals_export(*, run: ImportRun, actor: Actor) -> None:
    """The refused rows of an import hold whatever stood in the file."""
    payload = {"run": run.pk, "rows": run.refused_count, "file": run.file_name}
    with transaction.atomic():
        emit(events.REFUSED_ROWS_EXPORTED, subject_id=None, payload=payload, actor=actor)


def _masked(words: str) -> str:
    words = words.strip()[:100]
    if "@" in words:
        return mask("email", words)
    return mask("phone", words) if any(letter.isdigit() for letter in words) else words
