"""Django admin of earning rules."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from core.base.actor import Actor
from core.console.service_admin import Section, ServiceAdmin, Text, moment, switches
from core.text.formatting import number, when
from loyalty.earning.console.rule_form import RULE, EarningRuleForm, RuleSettingsForm
from loyalty.earning.labels import terms_words, trigger_words, version_words
from loyalty.earning.models import EarningRule, EarningRuleVersion
from loyalty.earning.services.rules import create_rule, proposed_version, publish_version, update_rule
from loyalty.program.models import Program
from loyalty.program.selectors import default_program
from loyalty.triggers.registry import TRIGGERS

TERMS = (
    "points", "per_amount", "include_tax", "include_shipping", "tier_multiplier", "conditions", "stacking", "factor",
    "caps", "streak_days",
)  # fmt: skip


class ChangeForm(EarningRuleForm):
    """Settings of a rule, and the terms of its next version. A version is published when the terms changed."""

    def __init__(self, data: Any, *, rule: EarningRule, typed: Any) -> None:
        self.current = rule.versions.order_by("-version").first()
        super().__init__(data, program=rule.program, action="", rule=rule, version=self.current, typed=typed)
        settings = RuleSettingsForm.of(rule)
        self.initial = {**self.initial, **settings.initial}
        self.fields = {**settings.fields, **self.fields}

    def has_new_terms(self) -> bool:
        """Return whether the next version would differ from the current one. Raises Invalid."""
        if self.current is None or self.rule is None:
            return True
        version = proposed_version(rule=self.rule, terms=self.terms())
        return any(getattr(version, name) != getattr(self.current, name) for name in TERMS)


@admin.register(EarningRule)
class EarningRuleAdmin(ServiceAdmin):
    """A published version never changes, because past earnings name it: new terms are the next version."""

    console_page, console_list = "earning_rule", "earning"
    list_display = ("name", "earned_by", "gives", "point_type", "active", "position", "starts", "ends")
    list_select_related = ("program", "point_type")
    list_filter = ("active", "point_type")
    search_fields = ("name", "=code")
    ordering = ("-active", "position", "pk")
    starts, ends = moment("starts_at", _("starts")), moment("ends_at", _("ends"))
    facts = ("code", "trigger_words", "point_type", "active")
    commands = switches(update_rule, "rule")

    def get_queryset(self, request: HttpRequest) -> QuerySet[EarningRule]:
        return super().get_queryset(request).prefetch_related("versions")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return super().has_add_permission(request) and Program.objects.default() is not None

    def make_form(
        self, request: HttpRequest, obj: EarningRule | None, data: Any, files: Any, typed: Any
    ) -> EarningRuleForm:
        if obj is not None:
            return ChangeForm(data, rule=obj, typed=typed)
        return EarningRuleForm(data, program=default_program(), action="", typed=typed)

    def save_form_by_service(
        self, request: HttpRequest, obj: EarningRule | None, form: Any, actor: Actor
    ) -> EarningRule:
        if obj is None:
            return create_rule(
                program=form.program,
                point_type=form.cleaned_data["point_type"],
                terms=form.terms(),
                actor=actor,
                **form.rule_values(),
            )
        saved = update_rule(rule=obj, actor=actor, **form.values())
        if form.has_new_terms():
            publish_version(rule=saved, terms=form.terms(), actor=actor)
        return saved

    def sections(self, form: forms.Form, obj: EarningRule | None) -> Iterable[Section]:
        conditions = [name for name in form.fields if name.startswith("on_")]
        caps = [name for name in form.fields if name.startswith("cap_")]
        settings = [name for name in form.fields if name in RULE]
        terms = [name for name in form.fields if name not in {*conditions, *caps, *settings}]
        yield None, settings
        yield (_("Terms") if obj is None else _("Terms: a change publishes a new version")), terms
        yield _("Conditions"), conditions
        yield _("Limits for each member"), [name for name in caps if name.startswith("cap_member_")]
        yield _("Limits for all members together"), [name for name in caps if name.startswith("cap_rule_")]

    def more_parts(self, obj: EarningRule) -> list[tuple[Text, list[str]]]:
        return [(_("Published versions, which never change"), [_version_line(one, obj) for one in _newest_first(obj)])]

    @admin.display(description=_("earned by"), ordering="trigger")
    def earned_by(self, rule: EarningRule) -> str:
        trigger = TRIGGERS.get(rule.trigger)
        return str(trigger.label) if trigger else rule.trigger

    @admin.display(description=_("earned by"))
    def trigger_words(self, rule: EarningRule) -> str:
        return str(trigger_words(rule))

    @admin.display(description=_("What it gives"))
    def gives(self, rule: EarningRule) -> str:
        versions = _newest_first(rule)
        return terms_words(versions[0], rule.program) if versions else "–"


def _newest_first(rule: EarningRule) -> list[EarningRuleVersion]:
    return sorted(rule.versions.all(), key=lambda one: -one.version)


def _version_line(version: EarningRuleVersion, rule: EarningRule) -> str:
    """Return the terms of a version in words, with its number and day."""
    return _t("Version %(version)s, %(when)s: %(terms)s") % {
        "version": number(version.version),
        "when": when(version.published_at),
        "terms": version_words(version, rule.program),
    }
