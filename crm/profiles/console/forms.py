"""The profile form. It only parses and shows values; the service decides which values are valid."""

from __future__ import annotations

import zoneinfo
from typing import Any

from django import forms
from django.conf import settings
from django.utils import translation
from django.utils.translation import gettext_lazy as _

from core.base.errors import DomainError
from core.console.forms import show_refusal
from core.text import countries
from crm.customers.models import AttributeDefinition, AttributeType, Customer, Gender
from crm.customers.selectors import masked_birthday

PLAIN = ["name", "gender", "language", "time_zone", "country", "region"]
ATTRIBUTE = "attribute_"


class ProfileForm(forms.Form):
    name = forms.CharField(label=_("Name"), max_length=200, required=False)
    gender = forms.ChoiceField(label=_("Gender"), choices=Gender.choices, required=False)
    birthday = forms.DateField(label=_("Birthday"), required=False, widget=forms.DateInput(attrs={"type": "date"}))
    language = forms.ChoiceField(label=_("Language"), required=False)
    time_zone = forms.CharField(
        label=_("Time zone"), max_length=64, required=False, help_text=_("For example Asia/Shanghai.")
    )
    country = forms.ChoiceField(label=_("Country"), required=False)
    region = forms.CharField(label=_("Region"), max_length=120, required=False)

    def __init__(self, data: Any = None, *, customer: Customer) -> None:
        self.customer = customer
        self.definitions = list(AttributeDefinition.objects.current())
        initial = {name: getattr(customer, name) for name in PLAIN}
        initial |= {f"{ATTRIBUTE}{code}": _initial_value(value) for code, value in customer.attributes.items()}
        super().__init__(data, initial=initial)
        known = [(code, translation.get_language_info(code)["name_local"]) for code, _name in settings.LANGUAGES]
        if customer.language and customer.language not in dict(known):
            known.append((customer.language, customer.language))
        self.fields["language"].choices = [("", "—"), *known]  # type: ignore[attr-defined]
        self.fields["country"].choices = [("", "—"), *countries.choices()]  # type: ignore[attr-defined]
        self.fields["time_zone"].widget.attrs["list"] = "time-zones"
        if customer.birthday:
            self.fields["birthday"].help_text = _("Current: %(masked)s. Leave empty to keep it.") % {
                "masked": masked_birthday(customer)
            }
        for definition in self.definitions:
            self.fields[f"{ATTRIBUTE}{definition.code}"] = _field(definition)

    @property
    def attribute_fields(self) -> list[forms.BoundField]:
        return [self[f"{ATTRIBUTE}{definition.code}"] for definition in self.definitions]

    @property
    def zones(self) -> list[str]:
        return sorted(name for name in zoneinfo.available_timezones() if "/" in name and not name.startswith("Etc/"))

    def changes(self) -> dict[str, Any]:
        """Return the changes for `update_customer`: every field, but no empty birthday, so that the known one stays."""
        values = self.cleaned_data
        changes: dict[str, Any] = {name: values[name] for name in PLAIN}
        if values["birthday"]:
            changes["birthday"] = values["birthday"]
        if self.definitions:
            changes["attributes"] = {
                definition.code: _stored_value(values[f"{ATTRIBUTE}{definition.code}"])
                for definition in self.definitions
            }
        return changes

    def refuse(self, error: DomainError) -> None:
        """Show the service's error beside the field that it names."""
        name = (error.field or "").replace("attributes.", ATTRIBUTE)
        show_refusal(self, error, name)


def _initial_value(value: Any) -> Any:
    return str(value).lower() if isinstance(value, bool) else value


def _stored_value(value: Any) -> Any:
    return value.isoformat() if hasattr(value, "isoformat") else None if value == "" else value


def _field(definition: AttributeDefinition) -> forms.Field:
    options: dict[str, Any] = {"label": definition.label, "required": False}
    if definition.type == AttributeType.CHOICE:
        return forms.ChoiceField(choices=[("", "—"), *[(choice, choice) for choice in definition.choices]], **options)
    if definition.type == AttributeType.BOOLEAN:
        choices = [("", "—"), ("true", _("Yes")), ("false", _("No"))]
        return forms.TypedChoiceField(
            choices=choices, coerce=lambda value: value == "true", empty_value=None, **options
        )
    if definition.type == AttributeType.DATE:
        return forms.DateField(widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"), **options)
    if definition.type == AttributeType.NUMBER:
        return forms.FloatField(**options)
    return forms.CharField(max_length=500, **options)
