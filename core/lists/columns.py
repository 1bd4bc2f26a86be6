"""Columns and states that many lists have."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django.db.models import DateTimeField, Q, Value
from django.db.models.functions import Coalesce
from django.utils.translation import gettext_lazy as _

from core.base import clock
from core.console.list_columns import Cell
from core.lists.declaration import Column, State
from core.text.formatting import day

NEVER = Value(datetime(9000, 1, 1, tzinfo=UTC), output_field=DateTimeField())


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


def ends_column() -> Column:
    """Return the column of the day on which an object ends; those without an end sort last."""
    return Column(
        "ends",
        _("Ends"),
        lambda row: Cell(day(_item(row).ends_at)),
        lambda row: _item(row).ends_at and _item(row).ends_at.isoformat(),
        Coalesce("ends_at", NEVER),
    )


def current() -> Q:
    """Return the condition of objects that are active and have not ended."""
    return ~over()


def over() -> Q:
    """Return the condition of objects that are inactive or have ended."""
    return Q(active=False) | Q(ends_at__isnull=False, ends_at__lte=clock.now())


CURRENT_AND_OVER = (State("", _("Current"), current), State("over", _("Over"), over))


def _item(row: Any) -> Any:
    return getattr(row, "item", row)
