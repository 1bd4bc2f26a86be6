"""Columns that many lists have."""

from __future__ import annotations

from typing import Any

from django.db.models import Value
from django.db.models.functions import Coalesce
from django.utils.translation import gettext_lazy as _

from core.console.list_columns import Cell
from core.lists.declaration import Column
from core.text.formatting import day


def owner_column() -> Column:
    """Return the column of the responsible member of staff, sorted by user name."""
    return Column(
        "owner",
        _("Owner"),
        lambda row: str(_item(row).owner or ""),
        sort=Coalesce("owner__username", Value("")),
        exported=False,
    )


def created_column(field: str = "created_at") -> Column:
    """Return the column of the day of creation, which is hidden until it is chosen."""
    return Column(
        "created",
        _("Created"),
        lambda row: Cell(day(getattr(_item(row), field))),
        value=lambda row: getattr(_item(row), field).isoformat(),
        sort=field,
        shown=False,
    )


def _item(row: Any) -> Any:
    return getattr(row, "item", row)
