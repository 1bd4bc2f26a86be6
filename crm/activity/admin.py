"""Django admin of activity."""

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from core.console.admin import ReadOnlyAdmin
from core.console.service_admin import moment
from crm.activity.models import ActivityKind


@admin.register(ActivityKind)
class ActivityKindAdmin(ReadOnlyAdmin):
    group = "settings"
    list_display = ("code", "label", "builtin", "seen")
    seen = moment("first_seen_at", _("first seen"))
    fields = readonly_fields = ("code", "label", "builtin", "seen")
