"""Keyset pages for lists: the cursor is in the address; the thousandth page is as fast as the first.

    page = paging.keyset(Customer.objects.active(), ["-created_at", "-id"], request.GET.get("cursor"), size=50)

Rows are compared as a whole, `(created_at, id) < (…, …)`, because an import gives thousands of rows the same time and a
comparison column by column would scan all of them.
"""

from __future__ import annotations

import base64
import binascii
import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Generic, TypeVar

from django.core.exceptions import ValidationError
from django.db import connection
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import BooleanField, DateTimeField, ExpressionWrapper, F, Field, Func, Model, QuerySet, Value
from django.db.models.sql.compiler import SQLCompiler

M = TypeVar("M", bound=Model)
COUNT_LIMIT = 1000


@dataclass(frozen=True)
class Page(Generic[M]):
    """One page. `previous` and `next` are cursors, or None if there is no such page."""

    items: list[M]
    next: str | None = None
    previous: str | None = None

    def __iter__(self) -> Iterator[M]:
        return iter(self.items)

    def __len__(self) -> int:
        return len(self.items)


class _RowComparison(Func):
    """The SQL comparison of rows: (a, b) < (x, y)."""

    output_field = BooleanField()
    conditional = True

    def __init__(self, fields: Sequence[Any], operator: str, values: Sequence[Any]) -> None:
        self.width, self.operator = len(fields), operator
        super().__init__(*fields, *values)

    def as_sql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **_extra: Any) -> tuple[str, list[Any]]:  # type: ignore[override]
        parts = [compiler.compile(expression) for expression in self.source_expressions]
        left = ", ".join(sql for sql, _ in parts[: self.width])
        right = ", ".join(sql for sql, _ in parts[self.width :])
        return f"(({left}) {self.operator} ({right}))", [value for _, params in parts for value in params]


def _compared(names: Sequence[str], operator: str, values: Sequence[Any], fields: Sequence[Field]) -> _RowComparison:
    """Return the comparison of columns with the values of one row."""
    bounds = [Value(value, output_field=field) for value, field in zip(values, fields, strict=True)]
    return _RowComparison([F(name) for name in names], operator, bounds)


def keyset(
    queryset: QuerySet[M], order: Sequence[str], cursor: str | None, size: int = 50, *, by_index: bool = True
) -> Page[M]:
    """Return one page. All columns of `order` have one direction; the last one is unique.

    A damaged cursor gives the first page. Without `by_index` the rows are found first and sorted then: the first column
    is a time, and the planner can't read the rows in the order of its index.
    """
    names = [name.lstrip("-") for name in order]
    fields = fields_of(queryset, names)
    forward, values = decode(cursor, fields)
    direction = "-" if order[0].startswith("-") == forward else ""
    remaining = queryset
    if values:
        remaining = queryset.filter(_compared(names, "<" if direction else ">", values, fields))
    ordering: list[Any] = [f"{direction}{name}" for name in names]
    if not by_index:
        moment = ExpressionWrapper(F(names[0]) + Value(timedelta(0)), output_field=DateTimeField())
        ordering[0] = moment.desc() if direction else moment.asc()
    rows = list(remaining.order_by(*ordering)[: size + 1])
    more = len(rows) > size
    rows = rows[:size]
    if not forward:
        if not more:
            # Paging back has reached the start: show a full first page, not a partial one.
            return keyset(queryset, order, None, size, by_index=by_index)
        rows.reverse()
    older = encode(rows[-1], names, "n") if rows and (more or not forward) else None
    newer = encode(rows[0], names, "p") if rows and values else None
    return Page(rows, older, newer)


def keyset_near(
    queryset: QuerySet[M], everything: QuerySet[M], order: Sequence[str], cursor: str | None, size: int, *reaches: int
) -> Page[M]:
    """Return the page of `keyset` for rows that a filter picked from `everything`, fast for common and for rare rows.

    Common rows are found at once in the order of the index. Rare ones may all be at its end, and the planner can't know
    that; so at most so many rows are read in that order, first the smallest of `reaches`. If they hold no whole page,
    all matching rows are found and sorted.
    """
    names = [name.lstrip("-") for name in order]
    fields = fields_of(queryset, names)
    forward, values = decode(cursor, fields)
    if not forward:
        return keyset(queryset, order, cursor, size)
    falling = order[0].startswith("-")
    following = everything
    if values:
        following = following.filter(_compared(names, "<" if falling else ">", values, fields))
    for reach in reaches:
        edge = following.order_by(*order).values_list(*names)[reach : reach + 1].first()
        if edge is None:
            return keyset(queryset, order, cursor, size)
        near = queryset.filter(_compared(names, ">=" if falling else "<=", edge, fields))
        page = keyset(near, order, cursor, size)
        if page.next:
            return page
    return keyset(queryset, order, cursor, size, by_index=False)


def fields_of(queryset: QuerySet, names: Sequence[str]) -> list[Field]:
    """Return the fields of columns or annotations by name."""
    known = queryset.query.annotations
    return [known[name].output_field if name in known else queryset.model._meta.get_field(name) for name in names]


def encode(row: Model, names: Sequence[str], way: str) -> str:
    values = [getattr(row, name) for name in names]
    plain = [value.isoformat() if isinstance(value, datetime) else value for value in values]
    text = json.dumps([way, *plain], default=str)
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def decode(cursor: str | None, fields: Sequence[Any]) -> tuple[bool, list[Any]]:
    """Return (forward, values); no values when there is no cursor or it is damaged."""
    if not cursor:
        return True, []
    try:
        way, *values = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        if len(values) != len(fields) or any(value is None for value in values):
            return True, []
        read = [field.to_python(value) for field, value in zip(fields, values, strict=True)]
    except (ValueError, TypeError, OverflowError, RecursionError, binascii.Error, ValidationError):
        return True, []
    return (way != "p", read) if all(map(_storable, read)) else (True, [])


def _storable(value: Any) -> bool:
    """Return whether PostgreSQL accepts the value: the caller may have changed the text of a cursor."""
    if isinstance(value, int):
        return -(2**63) <= value < 2**63
    if isinstance(value, str):
        return "\0" not in value and not any("\ud800" <= letter <= "\udfff" for letter in value)
    if isinstance(value, datetime):
        return value.tzinfo is not None and 1 < value.year < 9999
    if isinstance(value, float | Decimal):
        return math.isfinite(value)
    return True


@dataclass(frozen=True)
class Count:
    """The number of rows: exact up to a thousand, otherwise the planner's estimate (`exact` False)."""

    value: int
    exact: bool


def count(queryset: QuerySet, limit: int = COUNT_LIMIT) -> Count:
    """Count at most `limit` rows; above it ask the planner, because counting a million rows takes a second."""
    rows = queryset.order_by().values("pk")
    value = rows[: limit + 1].count()
    if value <= limit:
        return Count(value, True)
    sql, params = rows.query.sql_with_params()
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (FORMAT JSON) {sql}", params)
        plan = cursor.fetchone()[0]
    plan = json.loads(plan) if isinstance(plan, str) else plan
    return Count(max(limit, int(plan[0]["Plan"]["Plan Rows"])), False)
