"""Check values by the columns of their model, for services whose rules are those of the columns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import Field, Model

from core.base.errors import Invalid


def clean_columns(model: type[Model], values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values as the columns take them. Raises Invalid that names the first wrong column."""
    cleaned: dict[str, Any] = {}
    for name, raw in values.items():
        value = " ".join(raw.split()) if isinstance(raw, str) else raw
        field = model._meta.get_field(name)
        assert isinstance(field, Field)
        try:
            cleaned[name] = field.clean(value, None)
        except ValidationError as error:
            raise Invalid(" ".join(error.messages), code="invalid", field=name) from None
    return cleaned
