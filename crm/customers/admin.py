"""Django admin of customers."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from core.base.actor import Actor
from core.console.admin import ConfigurationAdmin
from core.console.forms import RefusableForm
from core.console.service_admin import Command, ServiceAdmin, calls
from crm.customers.models import AttributeDefinition, AttributeType, Store, Tag
from crm.customers.services.attributes import archive_attribute, create_attribute, restore_attribute, update_attribute


@admin.register(Store)
class StoreAdmin(ConfigurationAdmin):
    group = "settings"
    list_display = ("name", "code", "currency", "time_zone", "country", "is_default")
    # The settings page checks the logo.
    exclude = ("logo",)


class AttributeForm(RefusableForm):
    code = forms.SlugField(
        label=_("Code"), max_length=40, help_text=_("Imports and the API use it, such as shoe-size.")
    )
    label = forms.CharField(label=_("Label"), max_length=80)
    type = forms.ChoiceField(label=_("Type"), choices=AttributeType.choices)
    choices = forms.CharField(
        label=_("Choices"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 5}),
        help_text=_("One per line, for the type “Choice”."),
    )
    position = forms.IntegerField(
        label=_("Position"), min_value=0, max_value=32767, initial=0, help_text=_("Smaller numbers come first.")
    )
    member_writable = forms.BooleanField(
        label=_("Members change it themselves"),
        required=False,
        help_text=_("Else only the shop's server, imports and staff write it."),
    )

    def __init__(self, data: Any, *, attribute: AttributeDefinition | None) -> None:
        initial: dict[str, Any] = {}
        if attribute is not None:
            initial = {name: getattr(attribute, name) for name in ("label", "position", "member_writable")}
            initial["choices"] = "\n".join(attribute.choices)
        super().__init__(data, initial=initial)
        if attribute is not None:
            del self.fields["code"], self.fields["type"]
            if attribute.type != AttributeType.CHOICE:
                del self.fields["choices"]

    def values(self) -> dict[str, Any]:
        values = dict(self.cleaned_data)
        return {**values, "choices": values["choices"].splitlines()} if "choices" in values else values


@admin.register(AttributeDefinition)
class AttributeDefinitionAdmin(ServiceAdmin):
    console_list, linked = "customers", False
    list_display = ("label", "code", "type", "position", "member_writable", "archived_at")
    list_filter = ("type", "member_writable")
    search_fields = ("label", "=code")
    ordering = ("position", "code")
    facts = ("code", "type")
    state_field = "id"
    commands = (
        Command("archive", _("Archive"), calls(archive_attribute, "attribute")),
        Command("restore", _("Restore"), calls(restore_attribute, "attribute")),
    )

    def make_form(
        self, request: HttpRequest, obj: AttributeDefinition | None, data: Any, files: Any, typed: Any
    ) -> AttributeForm:
        return AttributeForm(data, attribute=obj)

    def save_form_by_service(
        self, request: HttpRequest, obj: AttributeDefinition | None, form: Any, actor: Actor
    ) -> AttributeDefinition:
        if obj is None:
            return create_attribute(actor=actor, **form.values())
        return update_attribute(attribute=obj, actor=actor, **form.values())


@admin.register(Tag)
class TagAdmin(ConfigurationAdmin):
    list_display = ("name", "created_at")
    search_fields = ("name",)
    fields = ("name",)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("crm.delete_tag")
