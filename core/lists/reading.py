"""Read a list as its address asks: search, filters, tab, order and page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, reduce
from operator import or_
from typing import Any
from urllib.parse import urlencode

from django.core.exceptions import ValidationError
from django.db.models import CharField, Count, F, Func, Q, QuerySet
from django.db.models.expressions import BaseExpression
from django.http import HttpRequest, QueryDict
from django.utils.translation import gettext_lazy as _

from core.console.views import may, viewer
from core.db import paging
from core.lists.declaration import Choices, Column, Filter, ObjectList, State
from core.lists.models import ListColumns
from core.security.models import User

ARCHIVED = "archived"
TAGS_OFFERED = 200
ME = "me"
CHUNK = 500


@dataclass(frozen=True)
class ListQuery:
    """One list for one person and one query string."""

    declared: ObjectList
    request: HttpRequest
    query: QueryDict

    @cached_property
    def words(self) -> str:
        return " ".join(self.query.get("q", "").replace("\x00", " ").split())[:100]

    @cached_property
    def states(self) -> list[State]:
        declared = self.declared.states
        states = list(declared(self.request) if callable(declared) else declared) or [State("", _("All"))]
        if self.declared.archivable:
            states.append(State(ARCHIVED, _("Archived"), archived=True))
        return states

    @cached_property
    def state(self) -> State:
        code = self.query.get("state", "")
        return next((state for state in self.states if state.code == code), self.states[0])

    @cached_property
    def filters(self) -> list[Filter]:
        """Return the filters that this person may use."""
        declared = self.declared.filters
        own = list(declared() if callable(declared) else declared)
        return [item for item in [*own, *_common_filters(self.declared)] if may(self.request.user, item.permission)]

    @cached_property
    def values(self) -> dict[str, str]:
        """Return the filters that are set."""
        values = {item.code: self.query.get(item.code, "")[:200] for item in self.filters}
        return {code: value for code, value in values.items() if value}

    @cached_property
    def columns(self) -> list[Column]:
        """Return the columns that this person may see, in the order of the list."""
        more = self.declared.more_columns
        columns = list(self.declared.columns)
        if more is not None:
            columns[1:1] = more(self.request)
        return [column for column in columns if may(self.request.user, column.permission)]

    @cached_property
    def shown(self) -> list[Column]:
        """Return the columns that this person chose; the first one is always there."""
        chosen = ListColumns.objects.filter(user=viewer(self.request), page=self.declared.name)
        codes = chosen.values_list("columns", flat=True).first()
        first, *rest = self.columns
        if codes is None:
            return [first, *(column for column in rest if column.shown)]
        return [first, *(column for column in rest if column.code in codes)]

    @cached_property
    def sort(self) -> str:
        """Return the column of the order, with a minus when it falls; "" for the list's own order."""
        text = self.query.get("sort", "")
        sortable = {column.code for column in self.columns if column.sort}
        return text if text.removeprefix("-") in sortable else ""

    def query_string(self, **changes: str) -> str:
        """Return search, tab, order and filters in a fixed order, so that equal lists have equal addresses."""
        values = {"q": self.words, "state": self.state.code, "sort": self.sort, **self.values, **changes}
        return urlencode({name: value for name, value in values.items() if value})

    def _narrowed(self) -> QuerySet[Any]:
        """Return the rows that search and filters leave, before the tab."""
        rows = self.declared.select(self.request)
        if self.words:
            rows = _searched(self.declared, rows, self.words)
        for item in self.filters:
            if item.code in self.values:
                rows = item.apply(self.request, rows, self.values[item.code])
        return rows

    def _where(self, state: State) -> Q:
        where = state.where() if state.where else Q()
        return where & Q(archived_at__isnull=not state.archived) if self.declared.archivable else where

    @cached_property
    def rows(self) -> QuerySet[Any]:
        """Return all rows that the address selects."""
        where = self._where(self.state)
        return self._narrowed().filter(where) if where else self._narrowed()

    def counts(self) -> dict[str, int]:
        """Return the number of rows of each tab that shows one, with one query over the rows of these tabs."""
        states = [state for state in self.states if state.counted]
        if not self.declared.counted or len(self.states) < 2:
            return {}
        wheres = [self._where(state) for state in states]
        sums = {
            f"tab_{place}": Count("pk", filter=where) if where else Count("pk") for place, where in enumerate(wheres)
        }
        rows = self._narrowed().order_by()
        if len(states) < len(self.states) and all(wheres):
            rows = rows.filter(reduce(or_, wheres))
        result = rows.aggregate(**sums)
        return {state.code: result[f"tab_{place}"] for place, state in enumerate(states)}

    def ordered(self) -> tuple[QuerySet[Any], list[str]]:
        """Return the rows and the order for `paging.keyset`: the chosen column, then the key."""
        rows = self.rows
        if not self.sort:
            return rows, list(self.state.order or self.declared.order)
        column = next(column for column in self.columns if column.code == self.sort.removeprefix("-"))
        name = "list_order"
        if isinstance(column.sort, BaseExpression):
            rows = rows.annotate(**{name: column.sort})
        elif "__" in column.sort:
            rows = rows.annotate(**{name: F(column.sort)})
        else:
            name = column.sort
        sign = "-" if self.sort.startswith("-") else ""
        return rows, [f"{sign}{name}", f"{sign}{_key(rows)}"]

    def page(self) -> paging.Page[Any]:
        rows, order = self.ordered()
        cursor, size = self.query.get("cursor"), self.declared.size
        reaches = self.declared.search_reach if self.words else self.declared.reach if self.values else ()
        if reaches and not self.sort:
            return paging.keyset_near(rows, self.declared.select(self.request), order, cursor, size, *reaches)
        return paging.keyset(rows, order, cursor, size)

    def all_pages(self, most: int) -> Iterator[list[Any]]:
        """Yield the rows in the order of the list, at most `most`, in parts."""
        rows, order = self.ordered()
        cursor: str | None = None
        while most > 0:
            part = paging.keyset(rows, order, cursor, min(CHUNK, most))
            if not part.items:
                return
            yield part.items
            most -= len(part.items)
            cursor = part.next
            if cursor is None:
                return


def _key(rows: QuerySet[Any]) -> str:
    return str(rows.model._meta.pk.name)


def _searched(declared: ObjectList, rows: QuerySet[Any], words: str) -> QuerySet[Any]:
    if callable(declared.search):
        return declared.search(rows, words)
    for word in words.split():
        found = Q()
        for name in declared.search:
            found |= Q(**{f"{name}__icontains": word})
        if declared.owned:
            found |= Q(tags__icontains=word)
        rows = rows.filter(found)
    return rows


def _common_filters(declared: ObjectList) -> Sequence[Filter]:
    if not declared.owned:
        return ()

    def tags(_request: HttpRequest) -> Choices:
        unnested = Func("tags", function="unnest", output_field=CharField())
        names = declared.model._default_manager.order_by().annotate(_tag=unnested).values_list("_tag", flat=True)
        return [(name, name) for name in sorted(set(names.distinct()[:TAGS_OFFERED]), key=str.casefold)]

    def owners(request: HttpRequest) -> Choices:
        rows = declared.model._default_manager.exclude(owner=None).order_by()
        people = User.objects.filter(pk__in=rows.values("owner")).order_by("username")
        named = [(str(person.pk), str(person)) for person in people if person.pk != request.user.pk]
        return [(ME, _("Me")), *named]

    return (
        Filter("tag", _("Tag"), tags, lambda _request, rows, value: rows.filter(tags__contains=[value])),
        Filter("owner", _("Owner"), owners, _of_owner),
    )


def _of_owner(request: HttpRequest, rows: QuerySet[Any], value: str) -> QuerySet[Any]:
    if value == ME:
        return rows.filter(owner=request.user.pk)
    return rows.filter(owner=int(value[:18])) if value.isascii() and value.isdigit() else rows


def chosen(declared: ObjectList, request: HttpRequest, most: int) -> QuerySet[Any]:
    """Return the rows of a bulk action: the ticked ones, or with `all`=yes those that `matching` selects.

    Only rows that this person's list can show.
    """
    if request.POST.get("all") == "yes":
        rows = ListQuery(declared, request, QueryDict(request.POST.get("matching", ""))).rows
        return declared.model._default_manager.filter(pk__in=list(rows.order_by().values_list("pk", flat=True)[:most]))
    return ticked(declared, request, request.POST.getlist(declared.key)[:most])


def ticked(declared: ObjectList, request: HttpRequest, values: Sequence[str]) -> QuerySet[Any]:
    """Return the rows with these keys, without values that can't be keys."""
    field = declared.model._meta.pk if declared.key_field == "pk" else None
    keys = []
    for value in values:
        if len(value) > 40 or "\x00" in value:
            continue
        try:
            keys.append(field.to_python(value) if field is not None else value)
        except ValidationError:
            continue
    keys = [key for key in keys if not isinstance(key, int) or 0 < key < 2**63]
    return declared.select(request).filter(**{f"{declared.key_field}__in": keys})
