"""Shapes for members: picked field by field from the server's, so that a field added there is not shown to a member."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from rest_framework import serializers
from rest_framework.serializers import Serializer


def picked(name: str, shape: type[Serializer], *fields: str, **own: serializers.Field) -> type[Serializer]:
    """Return a shape of these fields of another, and of `own` ones. Nested shapes have to be given as own ones.

    picked("MemberOrder", OrderOut, "number", "total", lines=MemberLine(many=True))
    """
    declared: dict[str, Any] = {}
    for field in fields:
        taken = shape._declared_fields[field]
        if isinstance(taken, serializers.BaseSerializer):
            raise TypeError(f"{field} of {shape.__name__} is nested: give members a shape of their own for it")
        declared[field] = deepcopy(taken)
        if isinstance(taken, serializers.SerializerMethodField):
            method = taken.method_name or f"get_{field}"
            declared[method] = getattr(shape, method)
    return type(name, (Serializer,), {**declared, **own, "__doc__": shape.__doc__})


def fields_of(shape: type[Serializer]) -> list[str]:
    """Return the fields of an answer, nested ones with dots, those of lists with `[]`, open ones with `*`; in order."""
    found: list[str] = []
    for name, field in shape().fields.items():
        inner: Any = field
        brackets = ""
        while isinstance(inner, serializers.ListSerializer | serializers.ListField):
            inner, brackets = inner.child, f"{brackets}[]"
        if isinstance(inner, Serializer):
            found += [f"{name}{brackets}.{nested}" for nested in fields_of(type(inner))]
        elif isinstance(inner, serializers.DictField):
            found.append(f"{name}{brackets}.*")
        else:
            found.append(f"{name}{brackets}")
    return found
