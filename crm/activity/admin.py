"""Django admin of activity."""

from django.contrib import admin

from core.console.admin import ReadOnlyAdmin
from crm.activity.models import ActivityKind


@admin.register(ActivityKind)
class ActivityKindAdmin(ReadOnlyAdmin):
    list_display = ("code", "label", "builtin", "first_seen_at")
