"""Django admin of care rules."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from campaigns.care.console.form import CareForm
from campaigns.care.labels import trigger_words
from campaigns.care.models import CareRule
from campaigns.care.services.care import activate_care_rule, create_care_rule, pause_care_rule, update_care_rule
from core.base.actor import Actor
from core.console.service_admin import Command, ServiceAdmin, calls, moment


@admin.register(CareRule)
class CareRuleAdmin(ServiceAdmin):
    console_page, console_list = "care_rule", "care"
    list_display = ("name", "when", "state", "template", "segment", "coupon", "looked")
    list_select_related = ("template", "segment", "coupon")
    list_filter = ("state", "trigger")
    search_fields = ("name", "template__name")
    ordering = ("name",)
    facts = ("when", "state", "version", "activated", "looked")
    activated = moment("activated_at", _("activated"))
    looked = moment("last_run_at", _("last looked"))
    state_field = "state"
    commands = (
        Command("activate", _("Activate"), calls(activate_care_rule, "rule")),
        Command("pause", _("Pause"), calls(pause_care_rule, "rule")),
    )

    def make_form(self, request: HttpRequest, obj: CareRule | None, data: Any, files: Any, typed: Any) -> CareForm:
        return CareForm(data, rule=obj, action="", typed=typed)

    def save_form_by_service(self, request: HttpRequest, obj: CareRule | None, form: Any, actor: Actor) -> CareRule:
        if obj is None:
            return create_care_rule(actor=actor, **form.values())
        return update_care_rule(rule=obj, actor=actor, **form.values())

    @admin.display(description=_("when"), ordering="trigger")
    def when(self, rule: CareRule) -> str:
        return trigger_words(rule)
