"""Refusal of field names that no endpoint reads: a mistyped field would be ignored without an error."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from django.utils.translation import gettext as _t
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail, ValidationError

CODE = "unknown_field"
LONGEST_NAME = 100
MOST_NAMED = 20


@dataclass(frozen=True)
class Names:
    """The writable fields of a shape, and the nested shapes among them."""

    known: frozenset[str]
    nested: tuple[tuple[str, Names], ...]


@cache
def names_of(shape: type[serializers.Serializer]) -> Names:
    known, nested = set(), []
    for name, field in shape().fields.items():
        if field.read_only:
            continue
        known.add(name)
        inner = field.child if isinstance(field, serializers.ListSerializer | serializers.ListField) else field
        if isinstance(inner, serializers.Serializer):
            nested.append((name, names_of(type(inner))))
    return Names(frozenset(known), tuple(nested))


def unknown_fields(shape: type[serializers.Serializer], data: Any) -> dict[str, list[ErrorDetail]]:
    """Return the unknown fields of a body by their place, such as `lines.0.nam`. At most MOST_NAMED of them."""
    return _errors(_walk(names_of(shape), data, ""))


def refuse_unknown_fields(shape: type[serializers.Serializer], data: Any) -> None:
    """Raise ValidationError `unknown_field` for fields that the shape does not have."""
    if errors := unknown_fields(shape, data):
        raise ValidationError(errors)


def refuse_fields(data: Any) -> None:
    """Raise ValidationError when a command without a body gets fields."""
    if isinstance(data, Mapping) and data:
        raise ValidationError(_errors((name, name, ()) for name in data))
    if not isinstance(data, Mapping):
        raise ValidationError(_t("This endpoint takes no body."), code="invalid")


def refuse_unknown_parameters(names: Iterable[str], known: Collection[str]) -> None:
    """Raise ValidationError `unknown_field` for unknown query parameters.

    A mistyped filter would answer with the rows of all customers.
    """
    unknown = [(name, name, known) for name in names if name not in known]
    if unknown:
        raise ValidationError(_errors(unknown, parameter=True))


def message(name: str, known: Collection[str], *, parameter: bool = False) -> str:
    values = {"name": name[:LONGEST_NAME], "nearest": nearest(name, known)}
    if parameter:
        if values["nearest"]:
            return _t("Unknown parameter '%(name)s'; did you mean '%(nearest)s'?") % values
        return _t("Unknown parameter '%(name)s'.") % values
    if values["nearest"]:
        return _t("Unknown field '%(name)s'; did you mean '%(nearest)s'?") % values
    return _t("Unknown field '%(name)s'.") % values


def nearest(name: str, known: Collection[str]) -> str:
    """Return the known name that is most similar to this one, or "" when none is similar."""
    alike = difflib.get_close_matches(name[:LONGEST_NAME], sorted(known), 1)
    first = name[:LONGEST_NAME].partition("_")[0]
    alike += [other for other in sorted(known) if "_" in name and other.startswith(f"{first}_")]
    return alike[0] if alike else ""


def _walk(names: Names, data: Any, place: str) -> Iterable[tuple[str, str, Collection[str]]]:
    if isinstance(data, list):
        for index, item in enumerate(data):
            yield from _walk(names, item, f"{place}{index}.")
        return
    if not isinstance(data, Mapping):
        return
    if not data.keys() <= names.known:
        for name in data:
            if name not in names.known:
                yield f"{place}{str(name)[:LONGEST_NAME]}", str(name), names.known
    for name, inner in names.nested:
        if name in data:
            yield from _walk(inner, data[name], f"{place}{name}.")


def _errors(
    unknown: Iterable[tuple[str, str, Collection[str]]], *, parameter: bool = False
) -> dict[str, list[ErrorDetail]]:
    errors: dict[str, list[ErrorDetail]] = {}
    for place, name, known in unknown:
        errors[place[: 3 * LONGEST_NAME]] = [ErrorDetail(message(name, known, parameter=parameter), code=CODE)]
        if len(errors) == MOST_NAMED:
            break
    return errors
