"""The list of tasks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext

from core.base import clock
from core.console.list_columns import Cell
from core.lists.columns import CURRENT_AND_OVER, created_column, ends_column, owner_column
from core.lists.declaration import Column, Empty, ObjectList, TopAction, register
from core.text.formatting import number
from loyalty.growth.labels import what_counts
from loyalty.growth.models import Task
from loyalty.growth.selectors import tasks as task_catalogue
from loyalty.growth.services import tasks as services
from loyalty.program.models import Program


@dataclass(frozen=True)
class TaskRow:
    """One task of the list. `on` is (level, members on it in the present period); level 0 comes first.

    Level 0 counts the members who began and reached no level.
    """

    item: Task
    counts: str
    state: tuple[str, str]
    levels: int
    on: list[tuple[int, int]]


def standing(task: Task, now: datetime) -> tuple[str, str]:
    """Return (label, tone) of a task at that time."""
    if not task.active:
        return _t("Switched off"), "off"
    if task.ends_at and task.ends_at <= now:
        return _t("Ended"), "off"
    if task.starts_at and task.starts_at > now:
        return _t("Not started"), "info"
    return pgettext("task", "Running"), "good"


def _rows(_request: HttpRequest, tasks: Sequence[Task]) -> list[TaskRow]:
    now = clock.now()
    on = task_catalogue.on_levels(tasks, now)
    return [
        TaskRow(task, what_counts(task), standing(task, now), len(task.levels.all()), sorted(on[task.pk].items()))
        for task in tasks
    ]


TASKS = register(
    ObjectList(
        name="tasks",
        title=_("Tasks"),
        route="tasks",
        model=Task,
        permission="loyalty.view_task",
        change="loyalty.change_task",
        add="loyalty.add_task",
        select=lambda _request: task_catalogue.with_levels(Task.objects.select_related("owner")),
        rows=_rows,
        item=lambda row: row.item,
        opens=lambda task: reverse("task", args=[task.pk]),
        edit=lambda task: reverse("task_edit", args=[task.pk]),
        order=("-id",),
        columns=[
            Column(
                "name", _("Task"), lambda row: row.item.label, sort="name", template="loyalty/growth/list_name.html"
            ),
            Column("state", _("State"), lambda row: Cell(row.state[0], badge=row.state[1]), on_cards=False),
            Column("period", _("Resets"), lambda row: row.item.get_period_display(), sort="period"),
            Column("levels", _("Levels"), lambda row: number(row.levels), lambda row: row.levels, number=True),
            Column(
                "members",
                _("Members by level"),
                lambda _row: "",
                lambda row: " ".join(f"{level}:{count}" for level, count in row.on),
                template="loyalty/growth/list_levels.html",
            ),
            ends_column(),
            owner_column(),
            created_column(),
        ],
        states=CURRENT_AND_OVER,
        search=("name", "name_zh", "code", "season"),
        owned=True,
        busy=services.is_busy,
        duplicate=lambda task, actor: services.duplicate_task(task=task, actor=actor),
        top_actions=[
            TopAction(
                _("New task"),
                "plus",
                lambda: reverse("task_new"),
                "loyalty.add_task",
                allowed=lambda: Program.objects.default() is not None,
            )
        ],
        empty=Empty(
            "target",
            _("No tasks yet"),
            _(
                "Tasks ask members to do something: order three times, write a review, check in seven days in a row. "
                "Each level gives points, growth value or a badge."
            ),
            _("Marketers make them."),
        ),
    )
)
