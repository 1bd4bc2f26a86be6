"""Mixins for rows that an administrator names in two languages."""

from __future__ import annotations

from core.formatting import in_language


class Named:
    """Row with `name` and `name_zh`."""

    name: str
    name_zh: str

    @property
    def label(self) -> str:
        return in_language(self.name, self.name_zh)


class Described(Named):
    """Named row that also has `description` and `description_zh`."""

    description: str
    description_zh: str

    @property
    def description_label(self) -> str:
        return in_language(self.description, self.description_zh)
