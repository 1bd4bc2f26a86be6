"""Pages of uploads to fixed lists: receive a file, show its progress, and list the result of each line."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from analytics.features.labels import LINE_REASONS
from analytics.segments.models import ListUpload, Segment, SegmentKind
from analytics.segments.services import list_uploads as services
from core.base.actor import of_user
from core.base.errors import DomainError
from core.console.views import page, viewer, wants_part
from core.db import paging
from core.jobs.models import JobState
from core.jobs.queueing import enqueue_after_commit
from crm.customers.models import IdentityKind, Store
from crm.imports.services.exports import record_refusals_export

KINDS = [(services.BY_NUMBER, _("Customer number")), *IdentityKind.choices]
PAGE = 50
SHOWN = 5


@dataclass(frozen=True)
class UploadRow:
    """An upload with the state of its job and the label of that state."""

    upload: ListUpload
    state: str
    label: str


@dataclass(frozen=True)
class RefusedLine:
    """A line of the file that names no customer."""

    number: int
    value: str
    reason: str | Promise


def list_of(pk: int) -> Segment:
    return get_object_or_404(Segment.objects.active().filter(kind=SegmentKind.STATIC), pk=pk)


def _upload(pk: int, upload: int) -> ListUpload:
    uploads = ListUpload.objects.select_related("segment", "job", "created_by").defer("content")
    return get_object_or_404(uploads, segment_id=pk, pk=upload)


def recent(segment: Segment) -> list[UploadRow]:
    """Return the last uploads of a list."""
    uploads = ListUpload.objects.filter(segment=segment).select_related("job").defer("content").order_by("-pk")[:SHOWN]
    return [UploadRow(upload, *_state(upload)) for upload in uploads]


def _state(upload: ListUpload) -> tuple[str, str]:
    if upload.done_at is not None:
        state = JobState.DONE
    else:
        state = JobState(upload.job.state) if upload.job else JobState.FAILED
    return state.value, str(state.label)


@page("analytics.change_segment", methods=("POST",))
def new(request: HttpRequest, pk: int) -> HttpResponse:
    return taken(request, list_of(pk))


def taken(request: HttpRequest, segment: Segment) -> HttpResponse:
    """Store the sent file, start its job and redirect to its progress page."""
    file = request.FILES.get("file")
    if file is None:
        messages.error(request, _t("Choose a file first."))
        return redirect("segment", segment.pk)
    store = Store.objects.filter(is_default=True).first()
    try:
        upload = services.upload_list(
            segment=segment,
            content=file.read(services.MAX_BYTES + 1),
            file_name=file.name or "",
            kind=request.POST.get("kind") or services.BY_NUMBER,
            country=store.country if store else "CN",
            actor=of_user(request.user),
            user=viewer(request),
        )
    except DomainError as error:
        messages.error(request, str(error.message))
        return redirect("segment", segment.pk)
    if upload.job:
        enqueue_after_commit("core.run_job", upload.job.pk)
    return redirect("list_upload", segment.pk, upload.pk)


@page("analytics.change_segment")
def show(request: HttpRequest, pk: int, upload: int) -> HttpResponse:
    record = _upload(pk, upload)
    context: dict[str, Any] = _upload_context(record)
    if record.refused_count:
        rows = paging.keyset(record.refusals.all(), ["line", "id"], request.GET.get("cursor"), PAGE)
        context |= {
            "page": rows,
            "rows": [
                RefusedLine(row.line, services.value_of(row), LINE_REASONS.get(row.code, row.code)) for row in rows
            ],
        }
    return render(request, "analytics/segments/list_upload.html", context)


@page("analytics.change_segment")
def progress(request: HttpRequest, pk: int, upload: int) -> HttpResponse:
    """Return the part that the page polls once a second; reload the whole page when nothing is left to wait for."""
    record = _upload(pk, upload)
    if not wants_part(request):
        return redirect("list_upload", pk, upload)
    shown = _upload_context(record)
    if not shown["underway"]:
        return HttpResponse(status=204, headers={"HX-Redirect": reverse("list_upload", args=[pk, upload])})
    return render(request, "analytics/segments/list_upload_progress.html", shown)


def _upload_context(upload: ListUpload) -> dict[str, Any]:
    state, label = _state(upload)
    return {
        "upload": upload,
        "segment": upload.segment,
        "kind_label": dict(KINDS).get(upload.kind, upload.kind),
        "state": state,
        "state_label": label,
        "underway": state in {JobState.QUEUED, JobState.RUNNING},
        "repeated": upload.matched_count - upload.added_count - upload.already_count,
    }


@page("analytics.change_segment", methods=("POST",))
def again(request: HttpRequest, pk: int, upload: int) -> HttpResponse:
    """Start a failed upload again."""
    record = _upload(pk, upload)
    if record.job and record.job.state == JobState.FAILED:
        enqueue_after_commit("core.run_job", record.job.pk)
        messages.info(request, _t("The upload is queued."))
    return redirect("list_upload", pk, upload)


@page("analytics.change_segment")
def refused(request: HttpRequest, pk: int, upload: int) -> StreamingHttpResponse:
    """Download the lines that name no customer as CSV, to correct and upload again."""
    record = _upload(pk, upload)
    record_refusals_export(
        list_upload=record.pk, file_name=record.file_name, rows=record.refused_count, actor=of_user(request.user)
    )
    reasons = {code: str(reason) for code, reason in LINE_REASONS.items()}
    response = StreamingHttpResponse(services.refused_csv(record, reasons), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="not-found-{record.pk}.csv"'
    response["Cache-Control"] = "no-store"
    return response
