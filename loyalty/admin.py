from django.contrib import admin

from core.admin_base import ConfigurationAdmin, ConfigurationInline, ReadOnlyAdmin, plain_fields
from loyalty.models import (
    Badge,
    EarningRule,
    EarningRuleVersion,
    PointType,
    Program,
    Reward,
    RewardCategory,
    Task,
    TaskLevel,
    Tier,
    TierBenefit,
)


@admin.register(TierBenefit)
class TierBenefitAdmin(ReadOnlyAdmin):
    """Made and changed in the console, which asks the kind for its settings."""

    list_display = ("tier", "kind", "settings", "active", "error")
    list_select_related = ("tier",)
    list_filter = ("kind", "active")
    fields = plain_fields(TierBenefit)


class TierInline(ConfigurationInline):
    model = Tier
    fields = ("rank", "code", "name", "name_zh", "threshold", "multiplier", "paid_price", "paid_days")


class PointTypeInline(ConfigurationInline):
    model = PointType
    fields = ("code", "name", "spendable")


@admin.register(Program)
class ProgramAdmin(ConfigurationAdmin):
    list_display = ("name", "code", "currency", "expiry_policy", "return_window_days", "is_default")
    fields = plain_fields(Program)
    inlines = (TierInline, PointTypeInline)


class VersionInline(ConfigurationInline):
    """A published version is never changed: a past earning names it. The console tries and publishes the next one."""

    model = EarningRuleVersion
    fields = (
        "version", "points", "per_amount", "include_tax", "include_shipping", "tier_multiplier", "conditions", "stacking",
        "factor", "caps", "streak_days", "published_by",
    )  # fmt: skip

    def has_add_permission(self, request, obj=None) -> bool:
        return False

    def has_change_permission(self, request, obj=None) -> bool:
        return False

    def has_delete_permission(self, request, obj=None) -> bool:
        return False


@admin.register(EarningRule)
class EarningRuleAdmin(ReadOnlyAdmin):
    """Made and changed in the console, whose services check the terms and number the versions."""

    list_display = ("name", "program", "point_type", "trigger", "active", "position", "starts_at", "ends_at")
    list_filter = ("active", "trigger")
    list_select_related = ("program", "point_type")
    fields = plain_fields(EarningRule)
    inlines = (VersionInline,)


@admin.register(RewardCategory)
class RewardCategoryAdmin(ConfigurationAdmin):
    list_display = ("name", "name_zh", "code", "program", "position")
    list_select_related = ("program",)
    fields = plain_fields(RewardCategory)


@admin.register(Reward)
class RewardAdmin(ReadOnlyAdmin):
    """Made and changed in the console, whose service keeps a sale that happens meanwhile and asks the kind for its settings."""

    list_display = ("name", "kind", "points", "stock", "active", "starts_at", "ends_at")
    list_filter = ("active", "kind")
    fields = plain_fields(Reward)


@admin.register(Badge)
class BadgeAdmin(ReadOnlyAdmin):
    """Made and changed in the console, as tasks are."""

    list_display = ("name", "name_zh", "code", "active", "position")
    list_filter = ("active",)
    fields = plain_fields(Badge)


class TaskLevelInline(ConfigurationInline):
    model = TaskLevel
    fields = ("level", "goal", "points", "growth", "badge")

    def has_add_permission(self, request, obj=None) -> bool:
        return False

    def has_change_permission(self, request, obj=None) -> bool:
        return False


@admin.register(Task)
class TaskAdmin(ReadOnlyAdmin):
    """Made and changed in the console, whose service keeps what members have reached and wakes what listens."""

    list_display = ("name", "trigger", "measure", "period", "active", "starts_at", "ends_at")
    list_filter = ("active", "measure", "period")
    fields = plain_fields(Task)
    inlines = (TaskLevelInline,)
