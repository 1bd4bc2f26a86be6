"""Response shapes for members, picked field by field from the server's: a field added there stays hidden."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from rest_framework import serializers
from rest_framework.serializers import Serializer


def picked(name: str, shape: type[Serializer], *fields: str, **own: serializers.Field) -> type[Serializer]:
    """Return a shape with the named fields of another shape and the `own` fields. Pass nested shapes as `own` fields.

    picked("MemberOrder", OrderOut, "number", "total", lines=MemberLine(many=True))
    """
    declared: dict[str, Any] = {}
    for field in fields:
        template = shape._declared_fields[field]
        if isinstance(template, serializers.BaseSerializer):
            raise TypeError(f"{field} of {shape.__name__} is nested: give members a shape of their own for it")
        declared[field] = deepcopy(template)
        if isinstance(template, serializers.SerializerMethodField):
            method = template.method_name or f"get_{field}"
            declared[method] = getattr(shape, method)
    return type(name, (Serializer,), {**declared, **own, "__doc__": shape.__doc__})


def fields_of(shape: type[Serializer]) -> list[str]:
    """Return the field paths of an answer in order: nested with dots, list items with `[]`, open mappings with `*`."""
    paths: list[str] = []
    for name, field in shape().fields.items():
        inner: Any = field
        brackets = ""
        while isinstance(inner, serializers.ListSerializer | serializers.ListField):
            inner, brackets = inner.child, f"{brackets}[]"
        if isinstance(inner, Serializer):
            paths += [f"{name}{brackets}.{nested}" for nested in fields_of(type(inner))]
        elif isinstance(inner, serializers.DictField):
            paths.append(f"{name}{brackets}.*")
        else:
            paths.append(f"{name}{brackets}")
    return paths
