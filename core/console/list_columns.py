"""Columns that an upper subject adds to the list of a lower one.

    COLUMNS.register("broadcasts", results_of_broadcasts)          # in the extensions of the upper subject
    "added": added_columns("broadcasts", request, page.items)      # in the view of the list

The template includes `components/added_heads.html` and `components/added_cells.html`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from django.http import HttpRequest
from django.utils.functional import Promise

from core.base.registry import Registry


@dataclass(frozen=True)
class Cell:
    """One cell: its text, a smaller line below it, and the address that the text opens.

    `badge` is the tone of a state that is shown as a badge, `at` a time that is shown as "3 hours ago".
    """

    text: str | Promise = ""
    detail: str | Promise = ""
    url: str = ""
    tone: Literal["", "good", "warn", "bad"] = ""
    badge: str | Promise = ""
    at: datetime | None = None


@dataclass(frozen=True)
class AddedColumns:
    """The headings, and the cells of each row by its id, in the order of the headings."""

    heads: Sequence[str | Promise] = ()
    cells: Mapping[int, Sequence[Cell]] = field(default_factory=dict)


COLUMNS: Registry[Callable[[HttpRequest, Sequence[Any]], AddedColumns]] = Registry("columns of a list")


def added_columns(name: str, request: HttpRequest, rows: Sequence[Any]) -> AddedColumns:
    """Return the columns that are registered for the list of this name."""
    source = COLUMNS.get(name)
    return source(request, rows) if source else AddedColumns()
