"""Form fields for the settings of a registered kind of reward or benefit."""

from __future__ import annotations

from typing import Any

from django import forms

from core.text.currencies import exponent
from loyalty.program.registry import Number, Setting

SETTING = "setting_"


def field_of(setting: Setting, currency: str) -> forms.Field:
    options: dict[str, Any] = {"label": setting.label, "help_text": setting.help}
    if isinstance(setting, Number):
        if setting.money:
            return money_field(setting.label, currency, setting.help)
        return forms.IntegerField(min_value=setting.least, max_value=setting.most, **options)
    options["required"] = setting.required
    if setting.choices is None:
        return forms.CharField(max_length=setting.length, **options)
    return forms.ChoiceField(choices=[("", "—"), *setting.choices()], **options)


def money_field(label: Any, currency: str, help_text: Any = "", *, required: bool = True) -> forms.DecimalField:
    """Return a field for an amount in major units, with as many decimals as the currency has."""
    return forms.DecimalField(
        label=f"{label} ({currency})",
        min_value=0,
        max_digits=15,
        decimal_places=exponent(currency),
        help_text=help_text,
        required=required,
    )
