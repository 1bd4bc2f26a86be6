"""What a file can bring in: each app registers its kinds in its `extensions.py`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.utils.functional import Promise

from core.registry import Registry
from crm.rules.importing import FIELDS, NAMED, Field


@dataclass(frozen=True)
class ImportType:
    """One kind of import. `handler` makes a crm.services.imports.context.Handler; `labels` name its own fields.

    `permission` is needed besides the one to import. `named`: a row must name a customer. `grown`: the tables that a
    large file fills, to be analysed.
    """

    label: str | Promise
    handler: Callable[[], Any]
    fields: tuple[Field, ...] = ()
    labels: Mapping[str, str | Promise] = field(default_factory=dict)
    permission: str = ""
    named: bool = False
    grown: str = ""


IMPORT_KINDS: Registry[ImportType] = Registry("Import kind")


def register_import(name: str, kind: ImportType) -> None:
    """`name` has at most 10 characters."""
    IMPORT_KINDS.register(name, kind)
    if kind.fields:
        FIELDS[name] = kind.fields
    if kind.named:
        NAMED.add(name)
