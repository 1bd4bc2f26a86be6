from django.contrib import admin
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from campaigns.coupon_words import terms
from campaigns.models import CareRule, Coupon, SendingPolicy, Suppression, Template
from core.admin_base import ConfigurationAdmin, ReadOnlyAdmin


def _opens(route: str, pk: int) -> str:
    return format_html('<a href="{}">{}</a>', reverse(route, args=[pk]), _("Open in the console"))


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


@admin.register(Coupon)
class CouponAdmin(ConfigurationAdmin):
    """Limits and dates are changed in the console, whose service protects codes that customers already have."""

    list_display = ("name", "gives", "mode", "active", "issued_count", "redeemed_count")
    list_filter = ("active", "mode")
    search_fields = ("name",)
    fields = (
        "name",
        "active",
        "console",
        "gives",
        "kind",
        "currency",
        "mode",
        "give_back",
        "issued_count",
        "redeemed_count",
    )
    readonly_fields = ("console", "gives", "kind", "currency", "mode", "give_back", "issued_count", "redeemed_count")

    @admin.display(description=_("What it gives"))
    def gives(self, coupon: Coupon) -> str:
        return terms(coupon)

    @admin.display(description=_("console"))
    def console(self, coupon: Coupon) -> str:
        return _opens("coupon", coupon.pk)

    def has_add_permission(self, request) -> bool:
        return False


@admin.register(Template)
class TemplateAdmin(ReadOnlyAdmin):
    list_display = ("name", "channel", "message_class", "version", "console")
    search_fields = ("name",)
    fields = ("name", "channel", "message_class", "version", "updated_at", "console")

    @admin.display(description=_("console"))
    def console(self, template: Template) -> str:
        return _opens("template", template.pk)


@admin.register(CareRule)
class CareRuleAdmin(ReadOnlyAdmin):
    list_display = ("name", "trigger", "state", "template", "last_run_at", "console")
    list_select_related = ("template",)
    list_filter = ("state", "trigger")
    search_fields = ("name",)
    fields = (
        "name", "trigger", "days", "segment", "template", "coupon", "send_at", "holdout_percent", "state", "version",
        "last_run_at", "console",
    )  # fmt: skip

    @admin.display(description=_("console"))
    def console(self, rule: CareRule) -> str:
        return _opens("care_rule", rule.pk)


@admin.register(Suppression)
class SuppressionAdmin(ReadOnlyAdmin):
    list_display = ("channel", "reason", "customer", "created_at", "lifted_at")
    list_select_related = ("customer",)
    list_filter = ("channel", "reason")
    fields = ("channel", "reason", "customer", "created_by", "created_at", "lifted_at")
