"""Declared fields as templates show them, for pages that draw their fields without a Django form."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext as _t

from core.fields.schema import Field

LONG_LIST = 8


@dataclass
class FieldView:
    """One field for its template. `value` holds the rows of a list; `chosen` are the selected codes of a list."""

    name: str
    kind: str
    label: str
    value: Any = ""
    choices: list[tuple[str, str]] = field(default_factory=list)
    help: str = ""
    error: str = ""
    optional: bool = False
    minimum: int = 0
    maximum: int = 0
    unit: str = ""
    chosen: set[str] = field(default_factory=set)
    # The values of `components/picker.html` for a field that is picked.
    picker: dict[str, Any] = field(default_factory=dict)

    @property
    def id(self) -> str:
        return self.name.replace(".", "-").replace("_", "-")

    @property
    def options(self) -> list[tuple[str, str]]:
        """Return the choices, with "Choose" first if nothing is chosen and no choice stands for nothing."""
        blank = any(not code for code, _label in self.choices)
        return self.choices if blank or self.value else [("", _t("Choose")), *self.choices]

    @property
    def long(self) -> bool:
        return len(self.choices) > LONG_LIST


def view_of(item: Field, value: Any, *, name: str = "", error: str = "") -> FieldView:
    """Return the view of a field without its choices, which are read by the page that knows how to show them."""
    return FieldView(
        name or item.name, item.kind, str(item.label), "" if value is None else value, help=str(item.help), error=error,
        optional=not item.required, minimum=item.least or 0, maximum=item.most or 0,
    )  # fmt: skip
