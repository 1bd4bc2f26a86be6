"""Path converters: a value that can't be stored never reaches the database."""

from __future__ import annotations

from django.urls import register_converter


class ReferenceConverter:
    """A number or code that the shop chose: 1 to 64 printable characters."""

    regex = r"[^/\x00-\x1f]{1,64}"

    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: str) -> str:
        return value


class IdConverter:
    """The id of a row, small enough for a bigint."""

    regex = r"[0-9]{1,18}"

    def to_python(self, value: str) -> int:
        return int(value)

    def to_url(self, value: int) -> str:
        return str(value)


register_converter(ReferenceConverter, "ref")
register_converter(IdConverter, "id")
