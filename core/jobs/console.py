"""The jobs page: background jobs, pending outbox deliveries by handler, and the health checks."""

from __future__ import annotations

from dataclasses import dataclass

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from core.console.views import page, wants_part
from core.db import paging
from core.events.bus import HANDLERS
from core.events.outbox import revive
from core.health.checks import examine
from core.health.labels import text_of
from core.jobs import selectors
from core.jobs.labels import work_label
from core.jobs.models import JobState
from core.text.formatting import number

PAGE = 30
STATES = [
    ("", _("All")),
    (JobState.RUNNING, JobState.RUNNING.label),
    (JobState.QUEUED, JobState.QUEUED.label),
    (JobState.FAILED, _("Failed in 7 days")),
    (JobState.DONE, JobState.DONE.label),
]


@dataclass(frozen=True)
class ListedBacklog:
    """The deliveries that a handler owes. `known`: this release still has the handler."""

    row: selectors.HandlerBacklog
    label: str
    known: bool


@page("core.view_jobs")
def index(request: HttpRequest) -> HttpResponse:
    """Show the page. The health checks are loaded separately, because the answer of the workers takes a second."""
    backlogs = [ListedBacklog(row, work_label(row.handler), row.handler in HANDLERS) for row in selectors.backlogs()]
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
    state = request.GET.get("state", "")
    jobs = paging.keyset(selectors.jobs(state), ["-created_at", "-id"], request.GET.get("cursor"), PAGE)
    moving = any(job.state in {JobState.QUEUED, JobState.RUNNING} for job in jobs)
    return {
        "page": jobs,
        "rows": [(job, work_label(job.kind)) for job in jobs],
        "moving": moving and not request.GET.get("cursor"),
        "state": state,
        "states": STATES,
    }


@page("core.view_jobs")
def health(request: HttpRequest) -> HttpResponse:
    if not wants_part(request):
        return redirect("/jobs/?health=1")
    return render(request, "core/jobs/jobs_health.html", _findings())


def _findings() -> dict:
    """Return the findings with their texts, problems first."""
    findings = sorted(examine(), key=lambda one: (one.ok, not one.essential, not one.degrading))
    return {"findings": [(text_of(finding.name), finding) for finding in findings]}


@page("core.view_jobs", methods=("POST",))
def retry(request: HttpRequest) -> HttpResponse:
    """Retry the deliveries that a handler has given up."""
    count = revive(selectors.dead_deliveries(request.POST.get("handler", "")))
    text = ngettext("Retrying %(count)s delivery.", "Retrying %(count)s deliveries.", count)
    messages.success(request, text % {"count": number(count)})
    return redirect("jobs")
