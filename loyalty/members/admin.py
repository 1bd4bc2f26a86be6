"""Django admin of members."""

from collections.abc import Callable

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ActionForm
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from core.base.actor import of_user
from core.base.errors import DomainError
from core.console.admin import ConfigurationAdmin, ConfigurationInline, ReadOnlyAdmin, plain_fields
from loyalty.program.models import Member, PointType, Program, SuspensionReason
from loyalty.program.services.suspensions import resume_member, suspend_member
from loyalty.tiers.models import Tier


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

    def has_suspend_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("loyalty.suspend_member")

    @admin.action(description=_("Suspend the chosen members"), permissions=["suspend"])
    def suspend(self, request: HttpRequest, queryset: QuerySet[Member]) -> None:
        reason = request.POST.get("reason", "")
        self._each(
            request, queryset, lambda member: suspend_member(member=member, reason=reason, actor=of_user(request.user))
        )

    @admin.action(description=_("Resume the chosen members"), permissions=["suspend"])
    def resume(self, request: HttpRequest, queryset: QuerySet[Member]) -> None:
        self._each(request, queryset, lambda member: resume_member(member=member, actor=of_user(request.user)))

    def _each(self, request: HttpRequest, queryset: QuerySet[Member], act: Callable[[Member], object]) -> None:
        """Act on the members one after another and show why each refused one was refused."""
        for member in queryset.select_related("customer"):
            try:
                act(member)
            except DomainError as error:
                self.message_user(request, f"{member.customer}: {error.message}", messages.ERROR)
            else:
                self.message_user(request, str(member.customer), messages.SUCCESS)
