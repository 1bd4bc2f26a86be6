"""Registry of the kinds of file that can be imported. Each app registers its kinds in its `extensions.py`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.utils.functional import Promise

from core.base.registry import Registry
from crm.imports.rules.mapping import FIELDS, NAMED, ImportField


@dataclass(frozen=True)
class ImportType:
    """One kind of import. `handler` creates a crm.imports.services.context.Handler; `labels` name its own fields.


    `permission` is required besides the one to import. `named`: each row must name a customer. `grown`: tables that a
    large file fills, which are analysed afterwards.
    """

    label: str | Promise
    handler: Callable[[], Any]
    fields: tuple[ImportField, ...] = ()
    labels: Mapping[str, str | Promise] = field(default_factory=dict)
    permission: str = ""
    named: bool = False
    grown: str = ""


IMPORT_KINDS: Registry[ImportType] = Registry("Import kind")


@dataclass(frozen=True)
class ImportProfile:
    """One known file with a handler of its own, chosen by the run's option `profile`. `reading` cleans its cells."""

    handler: Callable[[], Any]
    reading: Any


IMPORT_PROFILES: Registry[ImportProfile] = Registry("Import profile")


def register_import(name: str, kind: ImportType) -> None:
    """Register a kind of import. `name` has at most 10 characters."""
    IMPORT_KINDS.register(name, kind)
    if kind.fields:
        FIELDS[name] = kind.fields
    if kind.named:
        NAMED.add(name)
