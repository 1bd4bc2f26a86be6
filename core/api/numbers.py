"""Refusal of numbers and times in API bodies that are not written in ASCII digits.

Python reads a full-width "１２" or an Arabic "١٢" as 12, and a "²" as a digit that is not a number. A program that
sends one has mixed up its fields, so the field is refused by name instead of guessed.
"""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

MESSAGE = _("Write numbers and times in the ASCII digits 0 to 9.")
FIELDS = (
    serializers.IntegerField,
    serializers.FloatField,
    serializers.DecimalField,
    serializers.DateField,
    serializers.DateTimeField,
    serializers.TimeField,
    serializers.DurationField,
)


def refuse_other_digits() -> None:
    """Make the framework's number and time fields refuse text that is not ASCII. Call once, when the app loads."""
    for field in FIELDS:
        field.to_internal_value = _ascii_only(field.to_internal_value)  # type: ignore[method-assign]


def _ascii_only(read: Any) -> Any:
    def to_internal_value(self: serializers.Field, value: Any) -> Any:
        if isinstance(value, str) and not value.isascii():
            raise serializers.ValidationError(MESSAGE, code="invalid")
        return read(self, value)

    return to_internal_value
