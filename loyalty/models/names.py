"""What people read of things that an administrator names in both languages."""

from __future__ import annotations

from core.formatting import in_language


class Named:
    """A thing with `name` and `name_zh`."""

    name: str
    name_zh: str

    @property
    def label(self) -> str:
        return in_language(self.name, self.name_zh)


class Described(Named):
    """One with `description` and `description_zh` besides."""

    description: str
    description_zh: str

    @property
    def description_label(self) -> str:
        return in_language(self.description, self.description_zh)
