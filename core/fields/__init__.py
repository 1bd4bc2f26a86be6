"""One schema of declared fields: `Field`, `clean` and `form_fields`. See `core/fields/schema.py`."""

from core.fields import kinds  # noqa: F401
from core.fields.forms import form_fields, read_values, shown_values
from core.fields.pickers import PICKERS, PickedItem, Picker, picker_context
from core.fields.schema import FIELD_KINDS, NO_VALUE, Choices, Errors, Field, FieldKind, Text, clean, clean_value
from core.fields.views import FieldView, view_of

__all__ = [
    "FIELD_KINDS",
    "NO_VALUE",
    "PICKERS",
    "Choices",
    "Errors",
    "Field",
    "FieldKind",
    "FieldView",
    "PickedItem",
    "Picker",
    "Text",
    "clean",
    "clean_value",
    "form_fields",
    "picker_context",
    "read_values",
    "shown_values",
    "view_of",
]
