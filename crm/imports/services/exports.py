"""Records of exports of imports."""

from __future__ import annotations

from django.db import transaction

from core.base.actor import Actor
from core.events.bus import emit
from crm.imports import events as imports_events


def record_refusals_export(*, file_name: str, rows: int, actor: Actor, **of: int) -> None:
    """Record a download of refused rows, which may hold personal data. `of`: the id of the upload, by its kind."""
    payload = {**of, "rows": rows, "file": file_name}
    with transaction.atomic():
        emit(imports_events.REFUSED_ROWS_EXPORTED, subject_id=None, payload=payload, actor=actor)
