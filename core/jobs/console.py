"""The jobs page: background jobs, pending outbox deliveries by handler, and the health checks."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext, pgettext_lazy

from core.console.views import page, wants_part
from core.db import paging
from core.events.bus import HANDLERS
from core.events.outbox import revive
from core.health.checks import examine
from core.jobs import selectors
from core.jobs.models import JobState
from core.text.formatting import number

PAGE = 30
CHECK_LABELS = {
    "configuration": _("Configuration"),
    "database": _("Database"),
    "cache": _("Cache"),
    "queue": _("Queue"),
    "queue_and_cache": _("Queue and cache separation"),
    "migrations": _("Migrations"),
    "outbox": _("Deliveries"),
    "worker": _("Workers"),
    "ledger": _("Points ledger"),
    "messages": _("Messages"),
    "webhooks": _("Webhooks"),
    "sending": _("Sending"),
    "keys": _("Keys of personal data"),
    "personal_data": _("Personal data"),
    "static_files": _("Static files"),
    "media": _("Uploads"),
    "file_modes": _("File permissions"),
    "dump_programs": _("Backup programs"),
    "embedded_servers": _("Embedded servers"),
    "indexes": _("Indexes"),
    "sequences": _("Sequences"),
    "partitions": _("Activity partitions"),
    "tier_periods": _("Tier periods"),
    "clock": _("Clock"),
    "connections": _("Connections"),
    "journeys": _("Journeys"),
    "mail": pgettext_lazy("health check", "E-mail"),
    "benefits": _("Benefits"),
}


@page("core.view_jobs")
def index(request: HttpRequest) -> HttpResponse:
    """Show the page. The health checks are loaded separately, because the answer of the workers takes a second."""
    backlogs = [(row, row.handler in HANDLERS) for row in selectors.backlogs()]
    context = {**_jobs(request), "backlogs": backlogs}
    if request.GET.get("health"):
        context |= _findings()
    return render(request, "core/jobs/jobs.html", context)


@page("core.view_jobs")
def running(request: HttpRequest) -> HttpResponse:
    """Show only the table of jobs, which the page reloads every few seconds while a job runs."""
    if not wants_part(request):
        return redirect("jobs")
    return render(request, "core/jobs/jobs_list.html", _jobs(request))


def _jobs(request: HttpRequest) -> dict:
    jobs = paging.keyset(selectors.jobs(), ["-created_at", "-id"], request.GET.get("cursor"), PAGE)
    moving = any(job.state in {JobState.QUEUED, JobState.RUNNING} for job in jobs)
    return {"page": jobs, "moving": moving and not request.GET.get("cursor")}


@page("core.view_jobs")
def health(request: HttpRequest) -> HttpResponse:
    if not wants_part(request):
        return redirect("/jobs/?health=1")
    return render(request, "core/jobs/jobs_health.html", _findings())


def _findings() -> dict:
    return {"findings": [(CHECK_LABELS.get(finding.name, finding.name), finding) for finding in examine()]}


@page("core.view_jobs", methods=("POST",))
def retry(request: HttpRequest) -> HttpResponse:
    """Retry the deliveries that a handler has given up."""
    count = revive(selectors.dead_deliveries(request.POST.get("handler", "")))
    text = ngettext("Retrying %(count)s delivery.", "Retrying %(count)s deliveries.", count)
    messages.success(request, text % {"count": number(count)})
    return redirect("jobs")
