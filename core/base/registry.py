"""Closed, ordered registries: a lower app shows or uses items of an upper app without importing it.

The `extensions` module of every app is imported once at start-up and registers its items. Then the registries are
closed, so that their content never depends on which page was opened first.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from typing import Generic, TypeVar

T = TypeVar("T")


class Registry(Generic[T]):
    _all: list[Registry] = []

    def __init__(self, what: str) -> None:
        self.what = what
        self._items: dict[str, T] = {}
        self._closed = False
        Registry._all.append(self)

    def register(self, name: str, item: T) -> T:
        if self._closed:
            raise RuntimeError(
                f"{self.what} {name!r} is registered too late: register it in the app's extensions module."
            )
        if name in self._items:
            raise RuntimeError(f"{self.what} {name!r} is registered twice.")
        self._items[name] = item
        return item

    def get(self, name: str) -> T | None:
        return self._items.get(name)

    def __getitem__(self, name: str) -> T:
        return self._items[name]

    def __contains__(self, name: object) -> bool:
        return name in self._items

    def __iter__(self) -> Iterator[T]:
        return iter(self._items.values())

    def __len__(self) -> int:
        return len(self._items)

    def items(self) -> list[tuple[str, T]]:
        return list(self._items.items())

    def names(self) -> list[str]:
        return list(self._items)

    def close(self) -> None:
        self._closed = True


def load(apps: list[str]) -> None:
    """Import `extensions` of each app, lowest first, then close every registry."""
    for app in apps:
        import_module(f"{app}.extensions")
    for registry in Registry._all:
        registry.close()
