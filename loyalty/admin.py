from django.contrib import admin

from core.admin_base import ConfigurationAdmin, ConfigurationInline, plain_fields
from loyalty.models import EarningRule, EarningRuleVersion, PointType, Program, Tier


class TierInline(ConfigurationInline):
    model = Tier
    fields = ("rank", "code", "name", "name_zh", "threshold", "multiplier")


class PointTypeInline(ConfigurationInline):
    model = PointType
    fields = ("code", "name", "spendable")


@admin.register(Program)
class ProgramAdmin(ConfigurationAdmin):
    list_display = ("name", "code", "currency", "expiry_policy", "return_window_days", "is_default")
    fields = plain_fields(Program)
    inlines = (TierInline, PointTypeInline)


class VersionInline(ConfigurationInline):
    """A published version is never changed: a past earning names it. A change is a new version."""

    model = EarningRuleVersion
    fields = ("version", "points", "per_amount", "include_tax", "include_shipping", "tier_multiplier")

    def has_change_permission(self, request, obj=None) -> bool:
        return False


@admin.register(EarningRule)
class EarningRuleAdmin(ConfigurationAdmin):
    list_display = ("name", "program", "point_type", "active", "starts_at", "ends_at")
    list_select_related = ("program", "point_type")
    fields = plain_fields(EarningRule)
    inlines = (VersionInline,)
