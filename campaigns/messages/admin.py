"""Django admin of messages."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from campaigns.channels.labels import channel_label
from campaigns.messages.console.policy import SendingPolicyForm
from campaigns.messages.labels import reason_label
from campaigns.messages.models import SendingPolicy, Suppression
from campaigns.messages.services.gate import policy
from campaigns.messages.services.policy import set_sending_policy
from core.base.actor import Actor
from core.console.admin import ReadOnlyAdmin
from core.console.service_admin import Section, ServiceAdmin, moment
from core.text.formatting import number


@admin.register(SendingPolicy)
class SendingPolicyAdmin(ServiceAdmin):
    """The single row of the shop's sending limits, which exists from the first use on."""

    group = "settings"
    console_list = "sending"
    list_display = ("name", "per_day", "per_week", "quiet_from", "quiet_until")
    facts = ("per_day", "per_week", "quiet_from", "quiet_until")
    actions = None

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        policy()
        return super().changelist_view(request, extra_context)

    def make_form(
        self, request: HttpRequest, obj: SendingPolicy | None, data: Any, files: Any, typed: Any
    ) -> SendingPolicyForm:
        return SendingPolicyForm(data, found=obj or policy())

    def save_form_by_service(
        self, request: HttpRequest, obj: SendingPolicy | None, form: Any, actor: Actor
    ) -> SendingPolicy:
        return set_sending_policy(actor=actor, **form.cleaned_data)

    def sections(self, form: forms.Form, obj: SendingPolicy | None) -> Iterable[Section]:
        caps = [name for name in form.fields if name.endswith(("_per_day", "_per_week"))]
        yield _("Caps"), caps
        yield _("Quiet hours"), ["quiet_from", "quiet_until", "spread_minutes", "stale_hours"]
        yield _("Birthdays and tracking"), ["leap_birthday", "track_messages"]

    def name_of(self, obj: SendingPolicy) -> str:
        return _t("Sending limits")

    @admin.display(description=_("sending limits"))
    def name(self, row: SendingPolicy) -> str:
        return self.name_of(row)

    @admin.display(description=_("messages a day"))
    def per_day(self, row: SendingPolicy) -> str:
        return number(row.cap_per_day) if row.cap_per_day else _t("no limit")

    @admin.display(description=_("messages a week"))
    def per_week(self, row: SendingPolicy) -> str:
        return number(row.cap_per_week) if row.cap_per_week else _t("no limit")


@admin.register(Suppression)
class SuppressionAdmin(ReadOnlyAdmin):
    group = "customers"
    list_display = ("channel_name", "why", "customer", "created", "lifted")
    list_select_related = ("customer",)
    console_list = "suppressions"
    created = moment("created_at", _("created"))
    lifted = moment("lifted_at", _("lifted"))
    fields = ("channel_name", "why", "customer", "created_by", "created", "lifted")
    readonly_fields = fields

    @admin.display(description=_("channel"), ordering="channel")
    def channel_name(self, row: Suppression) -> str:
        return channel_label(row.channel)

    @admin.display(description=_("reason"), ordering="reason")
    def why(self, row: Suppression) -> str:
        return str(reason_label(row.reason))
