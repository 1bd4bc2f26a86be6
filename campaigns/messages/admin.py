"""Django admin of messages."""

from django.contrib import admin
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from campaigns.messages.models import SendingPolicy, Suppression
from core.console.admin import ReadOnlyAdmin


@admin.register(SendingPolicy)
class SendingPolicyAdmin(ReadOnlyAdmin):
    """Show the single row; `gate.policy` creates it on first use."""

    list_display = ("name", "cap_per_day", "cap_per_week", "quiet_from", "quiet_until")
    fieldsets = (
        (_("Caps"), {"fields": ("cap_per_day", "cap_per_week")}),
        (_("Quiet hours"), {"fields": ("quiet_from", "quiet_until", "spread_minutes", "stale_hours")}),
        (_("Birthdays"), {"fields": ("leap_birthday",)}),
        (None, {"fields": ("console",)}),
    )

    @admin.display(description=_("sending limits"))
    def name(self, _row: SendingPolicy) -> str:
        return str(_("Sending limits"))

    @admin.display(description=_("console"))
    def console(self, _row: SendingPolicy) -> str:
        return format_html('<a href="{}">{}</a>', reverse("sending"), _("Open in the console"))


@admin.register(Suppression)
class SuppressionAdmin(ReadOnlyAdmin):
    list_display = ("channel", "reason", "customer", "created_at", "lifted_at")
    list_select_related = ("customer",)
    list_filter = ("channel", "reason")
    fields = ("channel", "reason", "customer", "created_by", "created_at", "lifted_at")
