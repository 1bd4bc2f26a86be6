"""Django admin of growth."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from core.console.admin import ConfigurationInline, ReadOnlyAdmin, plain_fields
from loyalty.growth.models import Badge, Task, TaskLevel


@admin.register(Badge)
class BadgeAdmin(ReadOnlyAdmin):
    """Read-only: badges are made and changed in the console, as tasks are."""

    list_display = ("name", "name_zh", "code", "active", "position")
    list_filter = ("active",)
    fields = plain_fields(Badge)


class TaskLevelInline(ConfigurationInline):
    model = TaskLevel
    fields = ("level", "goal", "points", "growth", "badge")

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Task)
class TaskAdmin(ReadOnlyAdmin):
    """Read-only: tasks are made and changed in the console.

    Its service keeps what members have reached and wakes the listeners.
    """

    list_display = ("name", "trigger", "measure", "period", "active", "starts_at", "ends_at")
    list_filter = ("active", "measure", "period")
    fields = plain_fields(Task)
    inlines = (TaskLevelInline,)
