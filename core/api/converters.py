"""Path parts: what can't be stored never reaches the database."""

from __future__ import annotations

from django.urls import register_converter


class ReferenceConverter:
    """A number or code of the shop's own: 1 to 64 printable characters."""

    regex = r"[^/\x00-\x1f]{1,64}"

    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: str) -> str:
        return value


class IdConverter:
    """A row's id that fits into a bigint."""

    regex = r"[0-9]{1,18}"

    def to_python(self, value: str) -> int:
        return int(value)

    def to_url(self, value: int) -> str:
        return str(value)


register_converter(ReferenceConverter, "ref")
register_converter(IdConverter, "id")
