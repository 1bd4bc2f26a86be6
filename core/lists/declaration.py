"""The declaration of a list page: everything that one list is, in one place.

    BROADCASTS = LISTS.register("broadcasts", ObjectList(name="broadcasts", title=_("Broadcasts"), ...))

    @page("campaigns.view_broadcast")
    def index(request: HttpRequest) -> HttpResponse:
        return respond(BROADCASTS, request)

The declaration stands in `<subject>/console/listing.py`, which the subject's `extensions` imports.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from django.db.models import Model, Q, QuerySet
from django.db.models.expressions import BaseExpression
from django.http import HttpRequest, HttpResponse
from django.utils.functional import Promise

from core.base.actor import Actor
from core.base.registry import Registry
from core.console.list_columns import Cell
from core.db.paging import Count

Text = str | Promise
Choices = Sequence[tuple[str, Text]]
NONE = "–"


@dataclass(frozen=True)
class Column:
    """A column of a list. `cell` shows a prepared row; `value` is what an export writes, by default the cell's text.

    `sort` is a field or an expression that is never NULL. `shown`: without a choice of the user. `template` renders a
    cell that is more than text, with `row` as the prepared row. `on_cards`: the heading is repeated on narrow screens.
    """

    code: str
    label: Text
    cell: Callable[[Any], Cell | Text]
    value: Callable[[Any], Any] | None = None
    sort: str | BaseExpression = ""
    number: bool = False
    shown: bool = True
    permission: str | None = None
    template: str = ""
    on_cards: bool = True
    exported: bool = True


@dataclass(frozen=True)
class State:
    """A tab. The first state of a list is shown without a parameter, so its code is "". `where` None: all rows.

    `order` replaces the list's own order. `counted` False: the tab shows no number, and its rows are not scanned.
    """

    code: str
    label: Text
    where: Callable[[], Q] | None = None
    archived: bool = False
    order: Sequence[str] = ()
    counted: bool = True


@dataclass(frozen=True)
class Filter:
    """A filter. `choices` are (value, label) pairs; `apply` returns the rows unchanged when the value is not valid.

    `quiet`: the page shows the filter only while it is set, because figures of other pages set it.
    """

    code: str
    label: Text
    choices: Callable[[HttpRequest], Choices]
    apply: Callable[[HttpRequest, QuerySet[Any], str], QuerySet[Any]]
    permission: str | None = None
    quiet: bool = False


@dataclass(frozen=True)
class RowAction:
    """An entry of a row's menu: a link, or with `post` a button. `url` returns "" when the entry does not fit.

    `confirm` is the question before the button acts.
    """

    label: Text
    icon: str
    url: Callable[[Any], str]
    permission: str | None = None
    post: bool = False
    danger: bool = False
    confirm: Callable[[Any], str] | None = None


@dataclass(frozen=True)
class BulkAction:
    """A button of the bar of chosen rows. `perform` gets the rows and returns a message or a response.

    `entry` asks for a text or offers choices in the field `code`. With `url` the form is sent there instead.
    `confirm` is the question before the button acts.
    """

    code: str
    label: Text
    icon: str
    perform: Callable[[HttpRequest, QuerySet[Any]], HttpResponse | str] | None = None
    permission: str | None = None
    entry: Literal["", "text", "choice"] = ""
    entry_label: Text = ""
    choices: Callable[[HttpRequest], Choices] | None = None
    states: Sequence[str] | None = None
    url: str = ""
    key: str = ""
    confirm: Text = ""


@dataclass(frozen=True)
class TopAction:
    """A button above the list, such as "New broadcast"."""

    label: Text
    icon: str
    url: Callable[[], str]
    permission: str | None = None
    primary: bool = True
    allowed: Callable[[], bool] | None = None


@dataclass(frozen=True)
class Empty:
    """The texts of an empty list: to those who may add, to others, and when filters or a tab leave no row."""

    icon: str
    title: Text
    text: Text = ""
    text_for_others: Text = ""
    filtered: Text = ""
    hint: Text = ""


@dataclass(frozen=True, kw_only=True)
class ObjectList:
    """A list page. `rows` prepares the objects of one page with a fixed number of queries; `item` is the inverse.

    `owned` lists have tags and owners. `busy` says which objects can't be archived; None: the list has no archive of
    this kind. `duplicate` makes a copy, `opens` is the address of an object. `added` names columns of upper subjects.
    `counted`: tabs show numbers, which needs a scan of the rows. `key` is the field in the checkboxes of the rows.
    `reach`: a filtered page looks at so many rows in the list's order, the smallest number first, before all matching
    rows are sorted; a page of search looks at `search_reach` rows. Empty: no limit.
    """

    name: str
    title: Text
    route: str
    model: type[Model]
    permission: str
    select: Callable[[HttpRequest], QuerySet[Any]]
    columns: Sequence[Column]
    opens: Callable[[Any], str]
    empty: Empty
    rows: Callable[[HttpRequest, Sequence[Any]], Sequence[Any]] = lambda _request, objects: objects
    item: Callable[[Any], Any] = lambda row: row
    order: Sequence[str] = ("-created_at", "-id")
    states: Sequence[State] | Callable[[HttpRequest], Sequence[State]] = ()
    counted: bool = True
    search: Sequence[str] | Callable[[QuerySet[Any], str], QuerySet[Any]] = ()
    placeholder: Text = ""
    filters: Sequence[Filter] | Callable[[], Sequence[Filter]] = ()
    more_columns: Callable[[HttpRequest], Sequence[Column]] | None = None
    row_actions: Sequence[RowAction] = ()
    bulk_actions: Sequence[BulkAction] | Callable[[HttpRequest], Sequence[BulkAction]] = ()
    top_actions: Sequence[TopAction] = ()
    added: str = ""
    added_before: str = ""
    owned: bool = False
    busy: Callable[[Any], bool] | None = None
    archive: Callable[[Any, Actor], Any] | None = None
    change: str = ""
    add: str = ""
    edit: Callable[[Any], str] | None = None
    duplicate: Callable[[Any, Actor], Any] | None = None
    export: str | None = ""
    export_route: str = ""
    key: str = "row"
    key_field: str = "pk"
    size: int = 50
    reach: Sequence[int] = ()
    search_reach: Sequence[int] = ()
    count: Callable[[Count], str] | None = None
    template: str = "layouts/list.html"

    @property
    def archivable(self) -> bool:
        return self.busy is not None


LISTS: Registry[ObjectList] = Registry("list")
# Actions on chosen rows that an upper subject adds to the list of a lower one, by the name of the list.
ADDED_ACTIONS: Registry[Sequence[BulkAction]] = Registry("actions on the chosen rows of a list")


def register(declared: ObjectList) -> ObjectList:
    """Register a list under its name."""
    return LISTS.register(declared.name, declared)
