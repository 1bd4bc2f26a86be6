"""The one schema of fields that are declared in code and filled in by staff or through the API.

Segment conditions, journey steps, providers, earning conditions, reward kinds and tier benefits declare their values as
`Field`s. Each field has a kind, and each kind is one class that cleans values and builds form fields. The common kinds
are in `core/fields/kinds.py`; a subject registers a kind of its own in its `extensions`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from core.base.errors import Invalid
from core.base.registry import Registry

Text = str | Promise
Choices = Iterable[tuple[Any, Text]]
Errors = Mapping[str, tuple[str, Text]]
NO_VALUE: tuple[Any, ...] = (None, "", [])


@dataclass(frozen=True)
class Field:
    """One declared value. `kind` is the name of a registered kind.

    `least` and `most` limit a number, or the length of a text. `choices` returns pairs of code and label, read each
    time. A `secret` is never shown again: an empty value keeps the stored one. `picker` names the list with pictures
    from which the value is picked (core/fields/pickers.py).
    """

    name: str
    kind: str = "text"
    label: Text = ""
    help: Text = ""
    required: bool = True
    default: Any = None
    least: int | None = None
    most: int | None = None
    choices: Callable[[], Choices] | None = None
    secret: bool = False
    picker: str = ""

    def codes(self) -> list[Any]:
        return [code for code, _label in self.choices()] if self.choices else []


class FieldKind:
    """One kind of field. `empty` is the value of an optional field that is not filled in."""

    empty: Any = None

    def clean(self, field: Field, raw: Any, *, strict: bool) -> Any:
        """Return the value in canonical form, as plain JSON. Raises Invalid without a field.

        When `strict` is true, a number must come as a number and a text as a text.
        """
        raise NotImplementedError

    def form_field(self, field: Field, currency: str, options: dict[str, Any]) -> forms.Field:
        """Return the form field; `options` holds its label, help text and whether it is required."""
        raise NotImplementedError(f"A field of kind {field.kind!r} is drawn by its own page.")

    def shown(self, field: Field, value: Any, currency: str) -> Any:
        """Return a stored value as its form field shows it."""
        return value

    def read(self, field: Field, value: Any, currency: str) -> Any:
        """Return the value of the valid form field as `clean` takes it."""
        return value


FIELD_KINDS: Registry[FieldKind] = Registry("kind of field")


def clean(
    fields: Sequence[Field],
    raw: Mapping[str, Any],
    *,
    path: str = "",
    errors: Errors | None = None,
    strict: bool = False,
    stored: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Return the values of all fields in canonical form; values of other names are left out.

    Raises Invalid for the first wrong field. The arguments are those of `clean_value`; a field's path is its name below
    `path`.
    """
    return {
        field.name: clean_value(
            field,
            raw.get(field.name),
            path=f"{path}.{field.name}" if path else field.name,
            errors=errors,
            strict=strict,
            stored=(stored or {}).get(field.name),
        )
        for field in fields
    }


def clean_value(
    field: Field, raw: Any, *, path: str = "", errors: Errors | None = None, strict: bool = False, stored: Any = None
) -> Any:
    """Return one value in canonical form. Raises Invalid that names the field by `path`.

    A missing value is replaced by the `stored` value of a secret or by the default. `errors` replaces codes and
    messages of this schema by those of the owner. Its keys are codes (`too_long`), or a kind and a code
    (`number.required`).
    """
    path = path or field.name
    kind = FIELD_KINDS[field.kind]
    try:
        value = kind.clean(field, raw, strict=strict) if raw not in NO_VALUE else None
        if value not in NO_VALUE:
            return value
        if field.secret and stored not in NO_VALUE:
            return stored
        if field.default is not None:
            return field.default
        if field.required:
            raise Invalid(_("Fill this in."), code="required")
    except Invalid as error:
        if error.field:
            raise
        code: str = error.code
        message: Text = error.message
        if errors:
            code, message = errors.get(f"{field.kind}.{code}") or errors.get(code) or (code, message)
        raise Invalid(message % error.details if error.details else message, code=code, field=path) from None
    return kind.empty
