"""Django admin of earning."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from core.console.admin import ConfigurationInline, ReadOnlyAdmin, plain_fields
from loyalty.earning.models import EarningRule, EarningRuleVersion


class VersionInline(ConfigurationInline):
    """Read-only: a published version is never changed, because past earnings name it.

    The console tries and publishes the next one.
    """

    model = EarningRuleVersion
    fields = (
        "version", "points", "per_amount", "include_tax", "include_shipping", "tier_multiplier", "conditions",
        "stacking", "factor", "caps", "streak_days", "published_by",
    )  # fmt: skip

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(EarningRule)
class EarningRuleAdmin(ReadOnlyAdmin):
    """Read-only: rules are made and changed in the console, whose services check the terms and number the versions."""

    list_display = ("name", "program", "point_type", "trigger", "active", "position", "starts_at", "ends_at")
    list_filter = ("active", "trigger")
    list_select_related = ("program", "point_type")
    fields = plain_fields(EarningRule)
    inlines = (VersionInline,)
