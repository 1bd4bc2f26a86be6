"""Pages of tasks and of the leaderboard: the list with progress, one task with its funnel, its forms, its switch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from core.base import clock
from core.base.actor import of_user
from core.base.errors import NotFound
from core.console import editing
from core.console.switching import switch_active
from core.console.views import back, may, page
from core.lists.showing import respond
from crm.customers.models import Customer
from loyalty.growth.console.forms import TaskForm
from loyalty.growth.console.listing import TASKS, standing
from loyalty.growth.labels import gives, quantity, what_counts
from loyalty.growth.models import Task, TaskJoin
from loyalty.growth.selectors import leaderboard
from loyalty.growth.selectors import tasks as task_catalogue
from loyalty.growth.selectors.tasks import Rung
from loyalty.growth.services.leaderboard import set_leaderboard_name
from loyalty.growth.services.tasks import create_task, update_task
from loyalty.program import selectors
from loyalty.program.models import Program

PAGE = 50


@dataclass(frozen=True)
class LevelRow:
    rung: Rung
    goal: str
    gives: str


EDITOR = editing.Editor(
    new="task_new",
    edit="task_edit",
    index="tasks",
    index_label=_("Tasks"),
    new_heading=_("New task"),
    edit_heading=_("Edit task"),
    page="task",
    name="label",
)


@page("loyalty.view_task")
def index(request: HttpRequest) -> HttpResponse:
    return respond(TASKS, request)


@page("loyalty.view_task")
def show(request: HttpRequest, pk: int) -> HttpResponse:
    task = _task(pk)
    now = clock.now()
    began, rungs = task_catalogue.funnel(task, now)
    context = {
        "task": task,
        "counts": what_counts(task),
        "state": standing(task, now),
        "began": began,
        "completed": rungs[-1].members if rungs else 0,
        "joined": TaskJoin.objects.filter(task=task).count() if task.join else None,
        "levels": [LevelRow(rung, quantity(task, rung.level.goal), gives(rung.level)) for rung in rungs],
        "may_change": may(request.user, "loyalty.change_task"),
    }
    return render(request, "loyalty/growth/task.html", context)


@page("loyalty.add_task", methods=("GET", "POST"))
def new(request: HttpRequest) -> HttpResponse:
    return _form(request, None)


@page("loyalty.change_task", methods=("GET", "POST"))
def edit(request: HttpRequest, pk: int) -> HttpResponse:
    return _form(request, _task(pk))


def _form(request: HttpRequest, task: Task | None) -> HttpResponse:
    program = task.program if task else selectors.default_program()
    form = TaskForm(request.POST if request.method == "POST" else None, program=program, task=task)
    if response := EDITOR.save(request, form, lambda: _save(request, program, task, form)):
        return response
    context = {
        "form": form,
        "task": task,
        "counts": what_counts(task) if task else "",
        "program": program,
        **EDITOR.values(task),
    }
    return render(request, "loyalty/growth/task_edit.html", context)


def _save(request: HttpRequest, program: Program, task: Task | None, form: TaskForm) -> Task:
    actor, values, levels = of_user(request.user), form.values(), form.levels()
    if task is None:
        return create_task(program=program, levels=levels, actor=actor, **values)
    return update_task(task=task, levels=levels, actor=actor, **values)


@page("loyalty.change_task", methods=("POST",))
def switch(request: HttpRequest, pk: int) -> HttpResponse:
    return switch_active(request, update_task, route="task", name="label", task=_task(pk))


@page("loyalty.view_task")
def board(request: HttpRequest) -> HttpResponse:
    """Show the leaderboard as members see it in the storefront: only members who chose a name."""
    by, window = request.GET.get("by", "points"), request.GET.get("window", "month")
    by = by if by in leaderboard.BY else "points"
    window = window if window in leaderboard.WINDOWS else "month"
    program = Program.objects.default()
    context: dict[str, Any] = {"by": by, "window": window, "board": None}
    if program is not None:
        try:
            chosen = leaderboard.window_of(program, window)
        except NotFound:
            pass
        else:
            context["board"] = leaderboard.read_board(program, by=by, window=chosen)
    return render(request, "loyalty/growth/leaderboard.html", context)


@page("loyalty.add_member", methods=("POST",))
def leaderboard_name(request: HttpRequest, number: str) -> HttpResponse:
    member = selectors.member_of(get_object_or_404(Customer.objects.active(), number=number))
    saved = set_leaderboard_name(member=member, name=request.POST.get("name", ""), actor=of_user(request.user))
    if saved.leaderboard_name:
        messages.success(
            request, _t("The member is on the leaderboard as “%(name)s”.") % {"name": saved.leaderboard_name}
        )
    else:
        messages.success(request, _t("The member is no longer on the leaderboard."))
    return back(request, f"/customers/{number}/")


def _task(pk: int) -> Task:
    return get_object_or_404(task_catalogue.with_levels(Task.objects.all()), pk=pk)
