"""Uploads to fixed lists: received by a page, parsed and matched by a job, all lines or none."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from datetime import timedelta
from itertools import islice
from typing import Any

from django.db import connection, transaction
from django.utils.translation import gettext_lazy as _

from analytics.segments.models import ListRefusal, ListUpload, Segment
from analytics.segments.services.lists import active_by_number, add_to_list, lock_list
from core.base import clock
from core.base.actor import SYSTEM, Actor, of_user
from core.base.errors import Invalid
from core.db.locks import lock_row
from core.jobs.models import Job
from core.jobs.services import Progress, create_job
from core.security import crypto
from core.security.models import User
from core.text.csv_rows import CsvRows, Unreadable
from core.text.spreadsheets import BYTE_ORDER_MARK, csv_line, restored
from crm.customers.models import IdentityKind
from crm.customers.rules.identities import normalise
from crm.customers.services.identities import indexes_of
from crm.imports.rules.detection import short_text

FILL = "analytics.fill_list"
BY_NUMBER = "number"
MAX_BYTES = 10 * 1024 * 1024
MAX_ROWS = 200_000
CHUNK = 5_000
MAX_VALUE = 200
KEPT_DAYS = 30
UNKNOWN = "unknown_customer"
CONTENT = "analytics.listupload.content"
VALUE = "analytics.listrefusal.value"
# First cells of files with a heading.
HEADINGS = frozenset({
    "number", "customer", "customer number", "member", "member number", "phone", "email", "e-mail", "id",
    "客户编号", "会员编号", "编号", "手机号", "手机", "邮箱", "电子邮箱", *IdentityKind.values,
})  # fmt: skip
Row = tuple[int, str]


def upload_list(
    *, segment: Segment, content: bytes, file_name: str, kind: str, country: str, actor: Actor, user: User | None = None
) -> ListUpload:
    """Store a file whose first cells name customers by number, or by an identity of `kind`.

    Start its job with the task `core.run_job`.

    Raises Invalid for an unreadable, empty or too long file and for an unknown kind; Conflict `not_a_list`.
    """
    if kind != BY_NUMBER and kind not in IdentityKind.values:
        raise Invalid(_("Not one of the choices."), code="invalid_choice", field="kind")
    text = _decoded(content)
    lines = sum(1 for _row in islice(_rows(text), MAX_ROWS + 1))
    if lines > MAX_ROWS:
        raise Invalid(_("A file has at most 200,000 lines."), code="too_long", field="file")
    if not lines:
        raise Invalid(_("The file names no customers."), code="empty_file", field="file")
    with transaction.atomic():
        locked = lock_list(segment)
        upload = ListUpload.objects.create(
            segment=locked,
            file_name=file_name[:255],
            kind=kind,
            country=country,
            content=crypto.encrypt(text, CONTENT),
            line_count=lines,
            created_by=user,
        )
        label = f"{upload.file_name} → {locked.name}"[:200]
        plan = {"upload": upload.pk, "segment": locked.pk}
        upload.job = create_job(kind=FILL, label=label, created_by=user, total=lines, plan=plan)
        upload.save(update_fields=["job"])
    return upload


def fill_list(job: Job, progress: Progress) -> dict[str, Any]:
    """Apply an upload in one transaction, so that a crash leaves nothing. A second worker waits and finds it done."""
    with transaction.atomic():
        upload = lock_row(ListUpload.objects.select_related("segment", "created_by").filter(pk=job.result["upload"]))
        if upload.done_at is None:
            _apply(upload, progress)
    progress(upload.line_count, upload.line_count, force=True)
    return {
        "matched": upload.matched_count,
        "refused": upload.refused_count,
        "added": upload.added_count,
        "already": upload.already_count,
    }


def _apply(upload: ListUpload, progress: Progress) -> None:
    rows = _rows(crypto.decrypt(bytes(upload.content), CONTENT))
    customers: dict[int, None] = {}
    done = 0
    while chunk := list(islice(rows, CHUNK)):
        known, wrong = _match(chunk, upload.kind, upload.country)
        customers |= dict.fromkeys(known.values())
        upload.matched_count += len(known)
        upload.refused_count += _refuse(upload, [row for row in chunk if row[0] not in known], wrong)
        done += len(chunk)
        progress(done, upload.line_count)
    actor = of_user(upload.created_by) if upload.created_by else SYSTEM
    upload.added_count = add_to_list(segment=upload.segment, customer_ids=list(customers), actor=actor)
    upload.already_count = len(customers) - upload.added_count
    upload.content, upload.done_at = b"", clock.now()
    upload.save()


def _refuse(upload: ListUpload, rows: Sequence[Row], wrong: dict[int, str]) -> int:
    with (
        connection.cursor() as cursor,
        cursor.copy("COPY analytics_listrefusal (upload_id, line, code, value) FROM STDIN") as copy,
    ):
        for line, value in rows:
            copy.write_row([upload.pk, line, wrong.get(line, UNKNOWN), crypto.encrypt(value[:MAX_VALUE], VALUE)])
    return len(rows)


def value_of(refusal: ListRefusal) -> str:
    """Return the text of the line, or an empty text when its key is gone."""
    try:
        return crypto.decrypt(bytes(refusal.value), VALUE)
    except crypto.Undecryptable:
        return ""


def refused_csv(upload: ListUpload, reasons: dict[str, str]) -> Iterator[str]:
    """Yield the lines of a file to correct and upload again: the value, then line and reason.

    Cells can't act as formulas in a spreadsheet.
    """
    yield BYTE_ORDER_MARK + csv_line([upload.kind, _("line"), _("reason")])
    for refusal in upload.refusals.order_by("line").iterator(chunk_size=CHUNK):
        reason = reasons.get(refusal.code, refusal.code)
        yield csv_line([value_of(refusal), refusal.line, reason])


def drop_old_uploads() -> int:
    """Delete uploads after thirty days, because files and refused lines hold personal data.

    Returns how many uploads.
    """
    old = ListUpload.objects.filter(created_at__lt=clock.now() - timedelta(days=KEPT_DAYS))
    return old.delete()[1].get("analytics.ListUpload", 0)


def _decoded(content: bytes) -> str:
    if len(content) > MAX_BYTES:
        raise Invalid(_("A file has at most 10 MB."), code="too_long", field="file")
    try:
        return short_text(content)
    except ValueError:
        raise Invalid(_("This is not a text file."), code="invalid", field="file") from None


def _rows(text: str) -> Iterator[Row]:
    """Yield (line, first cell) of the lines that are not empty, without a heading. Raises Invalid."""
    first = text.partition("\n")[0]
    delimiter = next((sign for sign in (",", ";", "\t") if sign in first), ",")
    try:
        for line, row in CsvRows(io.StringIO(text, newline=""), delimiter):
            if isinstance(row, Unreadable):
                yield line, "".join(row.cells[:1]).strip() or "?"
                continue
            value = restored(row[0]).strip() if row else ""
            if value and not (line == 1 and value.lower() in HEADINGS):
                yield line, value
    except csv.Error as error:
        raise Invalid(_("This is not a CSV file."), code="invalid", field="file") from error


def _match(chunk: Sequence[Row], kind: str, country: str) -> tuple[dict[int, int], dict[int, str]]:
    """Return customers by line, and by line the reason why a value can't identify a customer."""
    if kind == BY_NUMBER:
        numbers = active_by_number([value for _line, value in chunk])
        return {line: numbers[value] for line, value in chunk if value in numbers}, {}
    lines: dict[bytes, list[int]] = {}
    wrong: dict[int, str] = {}
    for line, value in chunk:
        try:
            normal = normalise(kind, value, country)
        except ValueError as error:
            wrong[line] = str(error)
            continue
        for index in indexes_of(kind, normal):
            lines.setdefault(index, []).append(line)
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT i.value_index, i.customer_id FROM crm_identity i JOIN crm_customer c ON c.id = i.customer_id
               WHERE i.kind = %s AND i.value_index = ANY(%s) AND c.state = 'active'""",
            [kind, list(lines)],
        )
        known = {line: customer for index, customer in cursor.fetchall() for line in lines[bytes(index)]}
    return known, wrong
