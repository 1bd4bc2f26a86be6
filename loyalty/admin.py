from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ActionForm
from django.utils.translation import gettext_lazy as _

from core.actor import of_user
from core.admin_base import ConfigurationAdmin, ConfigurationInline, ReadOnlyAdmin, plain_fields
from core.errors import DomainError
from loyalty.models import (
    Badge,
    EarningRule,
    EarningRuleVersion,
    GivingLimit,
    Member,
    PointType,
    Program,
    Reward,
    RewardCategory,
    SuspensionReason,
    Task,
    TaskLevel,
    Tier,
    TierBenefit,
)
from loyalty.services.suspensions import resume_member, suspend_member


@admin.register(TierBenefit)
class TierBenefitAdmin(ReadOnlyAdmin):
    """Read-only: benefits are made and changed in the console, which asks the kind for its settings."""

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


class ReasonForm(ActionForm):
    """Reason for suspending, beside the chosen action."""

    reason = forms.ChoiceField(label=_("Reason"), choices=SuspensionReason.choices, required=False)


@admin.register(Member)
class MemberAdmin(ReadOnlyAdmin):
    """Read-only list of members; suspending and resuming go through the services."""

    list_display = ("customer", "program", "state", "suspension_reason", "suspended_at", "tier", "enrolled_at")
    list_select_related = ("customer", "program", "tier")
    list_filter = ("state",)
    search_fields = ("=customer__number",)
    fields = plain_fields(Member)
    action_form = ReasonForm
    actions = ("suspend", "resume")

    def has_suspend_permission(self, request) -> bool:
        return request.user.has_perm("loyalty.suspend_member")

    @admin.action(description=_("Suspend the chosen members"), permissions=["suspend"])
    def suspend(self, request, queryset) -> None:
        reason = request.POST.get("reason", "")
        self._each(
            request, queryset, lambda member: suspend_member(member=member, reason=reason, actor=of_user(request.user))
        )

    @admin.action(description=_("Resume the chosen members"), permissions=["suspend"])
    def resume(self, request, queryset) -> None:
        self._each(request, queryset, lambda member: resume_member(member=member, actor=of_user(request.user)))

    def _each(self, request, queryset, act) -> None:
        """Act on the members one after another and show why each refused one was refused."""
        for member in queryset.select_related("customer"):
            try:
                act(member)
            except DomainError as error:
                self.message_user(request, f"{member.customer}: {error.message}", messages.ERROR)
            else:
                self.message_user(request, str(member.customer), messages.SUCCESS)


@admin.register(GivingLimit)
class GivingLimitAdmin(ReadOnlyAdmin):
    """Read-only: limits are changed in the console, where the defaults and the history are."""

    list_display = ("role", "points_per_act", "points_per_day", "coupons_per_day")
    fields = plain_fields(GivingLimit)


class VersionInline(ConfigurationInline):
    """Read-only: a published version is never changed, because past earnings name it.

    The console tries and publishes the next one.
    """

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
    """Read-only: rules are made and changed in the console, whose services check the terms and number the versions."""

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
    """Read-only: rewards are made and changed in the console.

    Its service keeps sales made during the change and asks the kind for its settings.
    """

    list_display = ("name", "kind", "points", "stock", "active", "starts_at", "ends_at")
    list_filter = ("active", "kind")
    fields = plain_fields(Reward)


@admin.register(Badge)
class BadgeAdmin(ReadOnlyAdmin):
    """Read-only: badges are made and changed in the console, as tasks are."""

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
    """Read-only: tasks are made and changed in the console.

    Its service keeps what members have reached and wakes the listeners.
    """

    list_display = ("name", "trigger", "measure", "period", "active", "starts_at", "ends_at")
    list_filter = ("active", "measure", "period")
    fields = plain_fields(Task)
    inlines = (TaskLevelInline,)
