"""Django admin of growth."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from core.base.actor import Actor
from core.console.service_admin import Section, ServiceAdmin, moment, switches
from core.text.formatting import number
from loyalty.growth.console.forms import BadgeForm, TaskForm
from loyalty.growth.labels import gives, quantity, what_counts
from loyalty.growth.models import Badge, Task
from loyalty.growth.selectors.tasks import with_levels
from loyalty.growth.services.badges import create_badge, update_badge
from loyalty.growth.services.tasks import create_task, update_task
from loyalty.program.models import Program
from loyalty.program.selectors import default_program
from loyalty.triggers.registry import TRIGGERS


@admin.register(Badge)
class BadgeAdmin(ServiceAdmin):
    console_page, console_list = "badge_edit", "badges"
    list_display = ("label", "code", "active", "position", "created")
    list_filter = ("active",)
    search_fields = ("name", "name_zh", "=code")
    created = moment("created_at", _("created"))
    facts = ("code", "active", "created")
    commands = switches(update_badge, "badge")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return super().has_add_permission(request) and Program.objects.default() is not None

    def make_form(self, request: HttpRequest, obj: Badge | None, data: Any, files: Any, typed: Any) -> BadgeForm:
        return BadgeForm(data, badge=obj)

    def save_form_by_service(self, request: HttpRequest, obj: Badge | None, form: Any, actor: Actor) -> Badge:
        if obj is None:
            return create_badge(program=default_program(), actor=actor, **form.values())
        return update_badge(badge=obj, actor=actor, **form.values())

    @admin.display(description=_("name"), ordering="name")
    def label(self, badge: Badge) -> str:
        return badge.label


@admin.register(Task)
class TaskAdmin(ServiceAdmin):
    """The trigger, the measure and the period of an existing task are fixed, because members have progress in it."""

    console_page, console_list = "task", "tasks"
    list_display = ("label", "trigger_label", "measure", "period", "levels", "active", "starts", "ends")
    list_select_related = ("program",)
    list_filter = ("active", "measure", "period")
    search_fields = ("name", "name_zh", "=code", "season")
    ordering = ("-id",)
    starts, ends = moment("starts_at", _("starts")), moment("ends_at", _("ends"))
    facts = ("counts", "measure", "period", "active", "rewards")
    commands = switches(update_task, "task")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Task]:
        return with_levels(super().get_queryset(request))

    def has_add_permission(self, request: HttpRequest) -> bool:
        return super().has_add_permission(request) and Program.objects.default() is not None

    def make_form(self, request: HttpRequest, obj: Task | None, data: Any, files: Any, typed: Any) -> TaskForm:
        return TaskForm(data, program=obj.program if obj else default_program(), task=obj)

    def save_form_by_service(self, request: HttpRequest, obj: Task | None, form: Any, actor: Actor) -> Task:
        if obj is None:
            return create_task(program=form.program, levels=form.levels(), actor=actor, **form.values())
        return update_task(task=obj, levels=form.levels(), actor=actor, **form.values())

    def sections(self, form: forms.Form, obj: Task | None) -> Iterable[Section]:
        rows = {name for name in form.fields if name.rpartition("_")[2].isdigit()}
        yield None, [name for name in form.fields if name not in rows]
        for place in sorted({int(name.rpartition("_")[2]) for name in rows}):
            title = _t("Level %(level)s") % {"level": place}
            yield title, [name for name in form.fields if name in rows and name.endswith(f"_{place}")]

    @admin.display(description=_("name"), ordering="name")
    def label(self, task: Task) -> str:
        return task.label

    @admin.display(description=_("what counts"), ordering="trigger")
    def trigger_label(self, task: Task) -> str:
        trigger = TRIGGERS.get(task.trigger)
        return str(trigger.label) if trigger else task.trigger

    @admin.display(description=_("what counts"))
    def counts(self, task: Task) -> str:
        return what_counts(task)

    @admin.display(description=_("levels"))
    def levels(self, task: Task) -> str:
        return number(len(task.levels.all()))

    @admin.display(description=_("levels"))
    def rewards(self, task: Task) -> str:
        count = len(task.levels.all())
        rows = [f"{quantity(task, level.goal)}: {gives(level) or '–'}" for level in task.levels.all()]
        return "\n".join([ngettext("%(count)s level", "%(count)s levels", count) % {"count": number(count)}, *rows])
