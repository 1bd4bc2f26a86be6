"""Django admin of members, and of the program that they are in."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ActionForm
from django.db.models import QuerySet
from django.forms.models import fields_for_model
from django.http import HttpRequest
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from core.base.actor import Actor, of_user
from core.base.errors import DomainError
from core.console.admin import ReadOnlyAdmin
from core.console.forms import RefusableForm
from core.console.service_admin import Section, ServiceAdmin, moment
from core.text.currencies import exponent
from crm.orders.rules.money import to_major, to_minor
from loyalty.program.models import Member, PointType, Program, SuspensionReason
from loyalty.program.selectors import default_program
from loyalty.program.services.programs import CHANGEABLE, create_point_type, rename_point_type, update_program
from loyalty.program.services.suspensions import resume_member, suspend_member
from loyalty.tiers.console.tier_form import PolicyForm
from loyalty.tiers.selectors.standing import metric_text
from loyalty.tiers.services.setup import change_policy


class ProgramForm(RefusableForm):
    """Rules of points, and how tiers are reached. The worth of points is entered in the program's currency."""

    def __init__(self, data: Any, *, program: Program) -> None:
        self.currency = program.currency
        initial = {name: getattr(program, name) for name in CHANGEABLE}
        initial["redeem_amount"] = f"{to_major(program.redeem_amount, self.currency):f}"
        super().__init__(data, initial=initial)
        fields = fields_for_model(Program, CHANGEABLE)
        fields["redeem_points"].label, fields["redeem_points"].help_text = _t("Number of points"), ""
        fields["redeem_amount"] = forms.DecimalField(
            label=_t("These points are worth (%(currency)s)") % {"currency": self.currency},
            min_value=0,
            max_digits=12,
            decimal_places=exponent(self.currency),
        )
        policy = PolicyForm(program=program)
        self.fields = {**{name: fields[name] for name in CHANGEABLE}, **policy.fields}
        self.initial = {**self.initial, **policy.initial}

    def values(self) -> dict[str, Any]:
        values = {name: self.cleaned_data[name] for name in CHANGEABLE}
        return {**values, "redeem_amount": to_minor(values["redeem_amount"], self.currency)}

    def policy(self) -> dict[str, Any]:
        return {name: self.cleaned_data[name] for name in PolicyForm.base_fields}


PARTS: tuple[Section, ...] = (
    (None, ("name", "time_zone", "auto_enrol")),
    (_("Earning points"), ("return_window_days", "rounding", "reinstatement_days")),
    (_("Expiry of points"), ("expiry_policy", "expiry_count", "expiry_notice_days")),
    (
        _("Redeeming points"),
        ("redeem_points", "redeem_amount", "redeem_minimum", "redeem_share_percent", "hold_seconds"),
    ),
    (_("Transfer to another member"), ("transfer_daily_points", "transfer_daily_count")),
    (_("Member day"), ("member_day_kind", "member_day_number", "member_day_weekday")),
    (_("How tiers are reached and kept"), tuple(PolicyForm.base_fields)),
)


@admin.register(Program)
class ProgramAdmin(ServiceAdmin):
    """The rules of points and tiers. Code and currency are fixed, because the ledger's entries depend on them."""

    console_list = "loyalty"
    list_display = ("name", "code", "currency", "expiry_policy", "return_window_days", "is_default")
    facts = ("code", "currency", "is_default")
    actions = None

    def has_add_permission(self, request: HttpRequest) -> bool:
        # The setup of the shop makes its program.
        return False

    def make_form(self, request: HttpRequest, obj: Program, data: Any, files: Any, typed: Any) -> ProgramForm:  # type: ignore[override]
        return ProgramForm(data, program=obj)

    def save_form_by_service(self, request: HttpRequest, obj: Program, form: Any, actor: Actor) -> Program:  # type: ignore[override]
        update_program(program=obj, actor=actor, **form.values())
        return change_policy(program=obj, actor=actor, **form.policy())

    def sections(self, form: forms.Form, obj: Program | None) -> Iterable[Section]:
        return PARTS


class PointTypeForm(RefusableForm):
    name = forms.CharField(label=pgettext_lazy("thing", "Name"), max_length=80)
    code = forms.SlugField(label=_("Code"), max_length=40)
    spendable = forms.BooleanField(
        label=_("Can be spent"), required=False, initial=True, help_text=_("Otherwise it counts only for tiers.")
    )


@admin.register(PointType)
class PointTypeAdmin(ServiceAdmin):
    console_list, linked = "loyalty", False
    list_display = ("name", "code", "program", "spendable")
    list_select_related = ("program",)
    facts = ("code", "program", "spendable")
    actions = None

    def has_add_permission(self, request: HttpRequest) -> bool:
        return super().has_add_permission(request) and Program.objects.default() is not None

    def make_form(
        self, request: HttpRequest, obj: PointType | None, data: Any, files: Any, typed: Any
    ) -> PointTypeForm:
        form = PointTypeForm(data, initial={"name": obj.name} if obj else {})
        if obj is not None:
            del form.fields["code"], form.fields["spendable"]
        return form

    def save_form_by_service(self, request: HttpRequest, obj: PointType | None, form: Any, actor: Actor) -> PointType:
        if obj is None:
            return create_point_type(program=default_program(), actor=actor, **form.cleaned_data)
        return rename_point_type(point_type=obj, actor=actor, **form.cleaned_data)


class ReasonForm(ActionForm):
    """Reason for suspending, beside the chosen action."""

    reason = forms.ChoiceField(label=_("Reason"), choices=SuspensionReason.choices, required=False)


@admin.register(Member)
class MemberAdmin(ReadOnlyAdmin):
    """Read-only list of members; suspending and resuming go through the services."""

    group = "customers"
    console_list = "loyalty_members"
    list_display = ("customer", "program", "state", "suspension_reason", "suspended", "tier", "since")
    suspended = moment("suspended_at", _("suspended"))
    list_select_related = ("customer", "program", "tier")
    list_filter = ("state",)
    search_fields = ("=customer__number",)
    since, tier_since_shown = moment("enrolled_at", _("member since")), moment("tier_since", _("tier since"))
    fields = readonly_fields = (
        "customer", "program", "state", "suspension_reason", "suspended", "tier", "tier_since_shown", "figure",
        "leaderboard_name", "since",
    )  # fmt: skip
    action_form = ReasonForm
    actions = ("suspend", "resume")

    @admin.display(description=_("qualifying"), ordering="qualifying")
    def figure(self, member: Member) -> str:
        return metric_text(member.program, member.qualifying)

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
