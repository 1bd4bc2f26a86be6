"""Django admin of care rules."""

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from campaigns.care.models import CareRule
from core.console.admin import ReadOnlyAdmin, console_link


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
        return console_link("care_rule", rule.pk)
