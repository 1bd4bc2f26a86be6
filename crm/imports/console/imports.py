"""Pages of imports: upload a file, map its columns, check the first rows, run the import, see the result."""

from __future__ import annotations

import zoneinfo
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Sum
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from core.base.actor import RequestUser, of_user
from core.base.errors import DomainError
from core.console.forms import RefusableForm
from core.console.views import may, page, wants_part
from core.db import paging
from core.jobs.models import JobState
from core.lists.showing import respond
from core.text.formatting import money, number
from crm.customers.models import Store
from crm.imports.console.listing import IMPORTS
from crm.imports.labels import DATE_ORDERS, DECIMALS, DELIMITERS, labelled_fields
from crm.imports.models import ImportKind, ImportMapping, ImportMode, ImportRefusal, ImportRun, ImportState
from crm.imports.registry import IMPORT_KINDS
from crm.imports.rules.detection import ENCODINGS
from crm.imports.rules.formats import BY_NAME
from crm.imports.services import exports
from crm.imports.services import running as imports
from crm.imports.services.refusals import open_row, reason_text, refused_csv, translated

MODES = {
    ImportMode.AUTO: _(
        "Orders older than two days count for figures, segments and tiers, but not for points, messages or journeys. "
        "Newer orders are treated as if the shop had sent them today."
    ),
    ImportMode.REMEMBER: _("All orders count for figures, segments and tiers. No points, no messages, no journeys."),
    ImportMode.SILENT: _("All orders also earn points. No messages, no journeys, no webhooks."),
    ImportMode.LIVE: _(
        "All orders earn points and trigger messages, journeys and webhooks, no matter how old they are."
    ),
}
OPEN = {ImportState.UPLOADED, ImportState.FAILED}
UNDERWAY = {ImportState.QUEUED, ImportState.RUNNING}
SIZE = 50
SHOWN_CELLS = 8


@dataclass(frozen=True)
class MappedField:
    """A field of the import kind. `column` is the column of the file that is mapped to it, or empty."""

    name: str
    label: str | Promise
    required: bool
    column: str


@dataclass(frozen=True)
class ModeChoice:
    mode: ImportMode
    help: str | Promise
    chosen: bool


@dataclass(frozen=True)
class PreviewedRow:
    """A row of the preview. `label` and `reason` are the field and cause of its refusal, or empty."""

    row: imports.ImportPreviewRow
    label: str | Promise
    reason: str | Promise


@dataclass(frozen=True)
class ReasonCount:
    code: str
    reason: str | Promise
    count: int


@dataclass(frozen=True)
class RefusedRow:
    """A refused row of the file. `cells` is empty when the viewer may not read them."""

    refusal: ImportRefusal
    label: str | Promise
    reason: str | Promise
    cells: list[str]


def may_bring(user: RequestUser, kind: str) -> bool:
    """Whether a person may import files of this kind, besides the general permission to import."""
    registered = IMPORT_KINDS.get(kind)
    return registered is not None and (not registered.permission or may(user, registered.permission))


def require_kind(request: HttpRequest, run: ImportRun) -> None:
    if not may_bring(request.user, run.kind):
        raise PermissionDenied


class UploadForm(RefusableForm):
    kind = forms.ChoiceField(label=_("What is in the file"), choices=())
    source = forms.CharField(
        label=_("Source"),
        max_length=40,
        help_text=_("Where the file comes from, for example shop. Its columns are remembered under this name."),
    )
    file = forms.FileField(
        label=_("CSV file"), help_text=_("May be compressed as .gz. The first line must name the columns.")
    )

    def __init__(self, user: RequestUser, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["kind"].choices = [  # type: ignore[attr-defined]
            (name, kind.label) for name, kind in IMPORT_KINDS.items() if may_bring(user, name)
        ]
        self.fields["source"].widget.attrs["list"] = "sources"
        self.fields["file"].widget.attrs["accept"] = ".csv,.txt,.tsv,.gz,text/csv"


@page("crm.view_importrun")
def index(request: HttpRequest) -> HttpResponse:
    return respond(IMPORTS, request)


@page("crm.add_importrun", methods=("GET", "POST"))
def new(request: HttpRequest) -> HttpResponse:
    form = UploadForm(request.user, request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        upload = form.cleaned_data["file"]
        path = imports.keep_upload(upload)
        try:
            run = imports.create_import(
                kind=form.cleaned_data["kind"],
                source=form.cleaned_data["source"],
                path=path,
                file_name=upload.name,
                actor=of_user(request.user),
            )
        except DomainError as error:
            imports.drop_upload(path)
            form.refuse(error)
        else:
            return redirect("import_map", run.pk)
    sources = ImportMapping.objects.order_by("source").values_list("source", flat=True).distinct()
    heading = _t("Import a file")
    context = {
        "form": form,
        "sources": sources,
        "title": heading,
        "heading": heading,
        "back_url": reverse("imports"),
        "back_label": _t("Imports"),
    }
    return render(request, "crm/imports/new.html", context)


new.body_kind = "import"  # type: ignore[attr-defined]


@page("crm.add_importrun", methods=("GET", "POST"))
def columns(request: HttpRequest, pk: int) -> HttpResponse:
    """Map the columns of the file. The preview is loaded separately, because it runs the checks of the import."""
    run = _open_run(request, pk)
    if run is None:
        return redirect("import_run", pk)
    fields = labelled_fields(run.kind)
    if request.method == "POST":
        return _save(request, run, list(fields))
    context = {
        "run": run,
        "fields": [
            MappedField(name, label, field.required, run.mapping.get(name, ""))
            for name, (field, label) in fields.items()
        ],
        "header": _header(run, fields),
        "format": BY_NAME[run.options["format"]].label if run.options.get("format") in BY_NAME else "",
        "modes": [ModeChoice(mode, MODES[mode], chosen=mode == run.mode) for mode in ImportMode]
        if run.kind == ImportKind.ORDERS
        else [],
        "choices": {
            "encoding": [(name, name) for name in ENCODINGS],
            "delimiter": DELIMITERS,
            "decimal": DECIMALS,
            "date_order": DATE_ORDERS,
        },
        "stores": Store.objects.order_by("-is_default", "name"),
        "zones": sorted(name for name in zoneinfo.available_timezones() if "/" in name),
    }
    if request.GET.get("preview"):
        context |= {"loaded": True, "sides": _sides(run), **_preview(run)}
    return render(request, "crm/imports/map.html", context)


@page("crm.add_importrun")
def preview(request: HttpRequest, pk: int) -> HttpResponse:
    """Return the first rows with the result of each, or with `sides` how many orders count as history."""
    run = _open_run(request, pk)
    if run is None:
        return redirect("import_run", pk)
    if not wants_part(request):
        return redirect(f"{reverse('import_map', args=[pk])}?preview=yes")
    if "sides" in request.GET:
        return render(request, "crm/imports/sides.html", {"sides": _sides(run)})
    return render(request, "crm/imports/preview.html", {"run": run, **_preview(run)})


def _open_run(request: HttpRequest, pk: int) -> ImportRun | None:
    """Return an import whose columns can still be mapped, or None."""
    run = get_object_or_404(ImportRun, pk=pk)
    require_kind(request, run)
    return run if run.state in OPEN and run.path else None


def _header(run: ImportRun, fields: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the columns of the file with the label of the field that each is mapped to."""
    label_of = {column: fields[name][1] for name, column in run.mapping.items() if name in fields}
    return [(column, label_of.get(column, "")) for column in run.options.get("header", [])]


def _preview(run: ImportRun) -> dict[str, Any]:
    try:
        preview = imports.preview_import(run)
    except DomainError as error:
        return {"problem": str(error.message)}
    fields = labelled_fields(run.kind)
    return {
        "preview": preview,
        "header": _header(run, fields),
        "rows": [
            PreviewedRow(row, fields_label(fields, why[0]) if why else "", reason_text(*why[1:]) if why else "")
            for row in preview.rows
            for why in [row.refused or row.skipped]
        ],
    }


def _sides(run: ImportRun) -> str:
    """Return one sentence that says how many orders of the file count as history by their date, or ""."""
    if run.kind != ImportKind.ORDERS:
        return ""
    try:
        sides = imports.sides_of(run)
    except DomainError:
        # The preview says what is wrong with the mapping.
        return ""
    values = {"older": number(sides.older), "recent": number(sides.recent), "rows": number(imports.SIDES_ROWS)}
    text = (
        _t("In this file: %(older)s orders older than two days, %(recent)s newer ones.")
        if sides.whole
        else _t("In the first %(rows)s rows: %(older)s orders older than two days, %(recent)s newer ones.")
    )
    return text % values


def fields_label(fields: dict, name: str) -> str:
    return fields[name][1] if name in fields else ""


def _save(request: HttpRequest, run: ImportRun, names: list[str]) -> HttpResponse:
    try:
        run = imports.configure_import(
            run=run,
            options={name: request.POST.get(name, "") for name in imports.OPTIONS if name in request.POST},
            mapping={name: request.POST[f"map-{name}"] for name in names if request.POST.get(f"map-{name}")},
            mode=request.POST.get("mode", ""),
        )
        if request.POST.get("action") == "run":
            imports.queue_import(run=run, actor=of_user(request.user))
            return redirect("import_run", run.pk)
    except DomainError as error:
        messages.error(request, str(error.message))
    return redirect("import_map", run.pk)


@page("crm.view_importrun")
def show(request: HttpRequest, pk: int) -> HttpResponse:
    run = get_object_or_404(ImportRun.objects.select_related("job", "following", "created_by"), pk=pk)
    return render(request, "crm/imports/run.html", _progress_of(request, run))


@page("crm.view_importrun")
def progress(request: HttpRequest, pk: int) -> HttpResponse:
    """Return the part that the page polls once a second; reload the whole page when nothing is left to wait for."""
    run = get_object_or_404(ImportRun.objects.select_related("job", "following"), pk=pk)
    if not wants_part(request):
        return redirect("import_run", pk)
    follows = run.following is not None and run.following.state in {JobState.QUEUED, JobState.RUNNING}
    if run.state not in UNDERWAY and not (follows and "following" in request.GET):
        return HttpResponse(status=204, headers={"HX-Redirect": reverse("import_run", args=[pk])})
    return render(request, "crm/imports/progress.html", _progress_of(request, run))


def _progress_of(request: HttpRequest, run: ImportRun) -> dict:
    headings = {
        "refused": _t("Why rows were refused"),
        "skipped": _t("Why rows were skipped"),
        "noted": _t("Accepted with a remark"),
    }
    listed = run.result if run.state == ImportState.DONE else {}
    return {
        "run": run,
        "underway": run.state in UNDERWAY,
        "following": run.following if run.following and run.following.state != JobState.DONE else None,
        "followed": run.following is not None and run.following.state == JobState.DONE,
        "stale": run.state in UNDERWAY and imports.is_stale(run),
        "listed": [
            (heading, [ReasonCount(code, reason_text(code), count) for code, count in listed[name].items()])
            for name, heading in headings.items()
            if listed.get(name)
        ],
        "adjusted": _adjusted(run),
        "may_add": may(request.user, "crm.add_importrun"),
    }


def _adjusted(run: ImportRun) -> dict | None:
    rows = list(run.adjustments.order_by("currency").values("currency").annotate(count=Count("pk"), sum=Sum("amount")))
    if not rows:
        return None
    return {
        "count": sum(row["count"] for row in rows),
        "amount": " · ".join(money(row["sum"], row["currency"]) for row in rows),
    }


@page("crm.add_importrun", methods=("POST",))
def start(request: HttpRequest, pk: int) -> HttpResponse:
    """Queue the import again, after it failed or was interrupted."""
    run = get_object_or_404(ImportRun, pk=pk)
    require_kind(request, run)
    imports.queue_import(run=run, actor=of_user(request.user))
    messages.success(request, _t("The import is queued."))
    return redirect("import_run", pk)


@page("crm.view_importrun")
def refused(request: HttpRequest, pk: int) -> HttpResponse:
    run = get_object_or_404(ImportRun, pk=pk)
    rows = run.refusals.all()
    code = request.GET.get("code", "")
    if code:
        rows = rows.filter(code=code)
    page_rows = paging.keyset(rows, ["row_number", "id"], request.GET.get("cursor"), SIZE)
    # A row may hold unmasked contacts, so it is shown only to staff who could have uploaded it.
    open_rows = may(request.user, "crm.add_importrun")
    labels = labelled_fields(run.kind)
    context = {
        "run": run,
        "page": page_rows,
        "rows": [
            RefusedRow(
                item,
                fields_label(labels, item.field),
                translated(item),
                open_row(item)[:SHOWN_CELLS] if open_rows else [],
            )
            for item in page_rows
        ],
        "codes": [
            (code, reason_text(code)) for name in ("refused", "skipped", "noted") for code in run.result.get(name, {})
        ],
        "code": code,
        "may_see_rows": open_rows,
    }
    return render(request, "crm/imports/refused.html", context)


@page("crm.add_importrun")
def refused_file(request: HttpRequest, pk: int) -> StreamingHttpResponse:
    """Download the refused rows as CSV with a reason each, to correct and import again."""
    run = get_object_or_404(ImportRun, pk=pk)
    exports.record_refusals_export(
        run=run.pk, file_name=run.file_name, rows=run.refused_count, actor=of_user(request.user)
    )
    response = StreamingHttpResponse(refused_csv(run), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="refused-{run.pk}.csv"'
    response["Cache-Control"] = "no-store"
    return response
