"""Django form fields for declared fields, and the conversion of their values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext as _t

from core.fields.pickers import PickerField
from core.fields.schema import FIELD_KINDS, Field


def form_fields(
    fields: Sequence[Field], *, prefix: str = "", currency: str = "", optional: bool = False, stored: bool = False
) -> dict[str, forms.Field]:
    """Return the form fields by name.

    `optional`: no field must be filled in. `stored`: secrets have a value that an empty field keeps.
    """
    return {f"{prefix}{field.name}": _form_field(field, currency, optional, stored) for field in fields}


def _form_field(field: Field, currency: str, optional: bool, stored: bool) -> forms.Field:
    kept = field.secret and stored
    options: dict[str, Any] = {
        "label": field.label,
        "help_text": field.help,
        "required": field.required and field.default is None and not optional and not kept,
    }
    if kept:
        options["help_text"] = " ".join(
            filter(None, [str(field.help), _t("A value is stored. Leave empty to keep it.")])
        )
    if field.picker:
        return PickerField(field.picker, several=field.kind == "words", **options)
    if field.secret:
        options["widget"] = forms.PasswordInput(attrs={"autocomplete": "off"})
    return FIELD_KINDS[field.kind].form_field(field, currency, options)


def shown_values(
    fields: Sequence[Field], values: Mapping[str, Any], *, prefix: str = "", currency: str = ""
) -> dict[str, Any]:
    """Return stored values as the form shows them, with the default for a missing one. Secrets are left out."""
    return {
        f"{prefix}{field.name}": FIELD_KINDS[field.kind].shown(field, values.get(field.name, field.default), currency)
        for field in fields
        if not field.secret
    }


def read_values(
    fields: Sequence[Field], data: Mapping[str, Any], *, prefix: str = "", currency: str = ""
) -> dict[str, Any]:
    """Return the raw values for `clean` from the cleaned data of a valid form."""
    return {
        field.name: FIELD_KINDS[field.kind].read(field, data[f"{prefix}{field.name}"], currency)
        for field in fields
        if f"{prefix}{field.name}" in data
    }
