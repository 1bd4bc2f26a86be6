"""Prepare a list for `layouts/list.html`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from core.console.forms import FilterChoice
from core.console.list_columns import AddedColumns, Cell, added_columns
from core.console.models import SavedView
from core.console.saved_views import without_search
from core.console.template_tags import ago, state_badge
from core.console.views import may, viewer
from core.db import paging
from core.lists.declaration import ADDED_ACTIONS, NONE, BulkAction, Column, ObjectList, RowAction, Text, TopAction
from core.lists.reading import ME, ListQuery
from core.security.models import User
from core.text.formatting import number

NO_OWNER = "none"


@dataclass(frozen=True)
class Head:
    """A heading: `url` sorts by the column, `sorted` is the value of aria-sort."""

    label: Text
    number: bool
    url: str = ""
    sorted: str = ""


@dataclass(frozen=True)
class ShownCell:
    html: str
    number: bool
    label: Text
    template: str = ""


@dataclass(frozen=True)
class MenuEntry:
    label: Text
    icon: str
    url: str
    post: bool = False
    danger: bool = False
    confirm: str = ""


@dataclass(frozen=True)
class ShownRow:
    """`row` is the prepared row, for cells with a template of their own."""

    row: Any
    value: str
    name: str
    cells: Sequence[ShownCell]
    menu: Sequence[MenuEntry]


@dataclass(frozen=True)
class Tab:
    label: Text
    url: str
    count: str
    here: bool


@dataclass(frozen=True)
class ShownAction:
    action: BulkAction
    choices: Sequence[tuple[str, Text]]


@dataclass(frozen=True)
class ShownView:
    view: SavedView
    url: str
    here: bool
    own: bool


@dataclass(frozen=True)
class ShownList:
    """All that the template shows. `matching` is the list's query string without the page."""

    declared: ObjectList
    url: str
    words: str
    matching: str
    savable: bool
    filtered: bool
    tabs: Sequence[Tab]
    views: Sequence[ShownView]
    choices: Sequence[FilterChoice]
    hidden: Mapping[str, str]
    heads: Sequence[Head]
    added: AddedColumns
    rows: Sequence[ShownRow]
    bulk: Sequence[ShownAction]
    top: Sequence[TopAction]
    columns: Sequence[tuple[Column, bool]]
    count: paging.Count | None
    count_text: str
    all_text: str
    selectable: bool
    has_menu: bool
    export_url: str
    may_add: bool

    @property
    def title(self) -> Text:
        return self.declared.title

    @property
    def searchable(self) -> bool:
        return bool(self.declared.search)

    @property
    def export_path(self) -> str:
        return export_path(self.declared)

    @property
    def first_url(self) -> str:
        return self.top[0].url()

    @property
    def first_label(self) -> Text:
        return self.top[0].label


def respond(declared: ObjectList, request: HttpRequest, **context: Any) -> HttpResponse:
    """Render the page of a list."""
    query = ListQuery(declared, request, request.GET)
    page = query.page()
    shown = show(query, page)
    values = {
        "list": shown,
        "page": page,
        "rows": shown.rows,
        "views": shown.views,
        "count": shown.count,
        "added": shown.added,
        **context,
    }
    return render(request, declared.template, values)


def show(query: ListQuery, page: paging.Page[Any]) -> ShownList:
    declared, request = query.declared, query.request
    prepared = declared.rows(request, page.items)
    columns = query.shown
    added = added_columns(declared.added, request, page.items) if declared.added else AddedColumns()
    bulk, menus = bulk_actions(query), row_actions(query)
    count = paging.count(query.rows) if declared.count else None
    matching = query.query_string()
    url = reverse(declared.route)
    place = _place_of_added(declared, columns)
    menu_of = [_menu(menus, declared.item(row)) for row in prepared]
    heads = [_head(query, column) for column in columns]
    heads[place:place] = [Head(label, True) for label in added.heads]
    return ShownList(
        declared=declared,
        url=url,
        words=query.words,
        matching=matching,
        savable=bool(without_search(matching)),
        filtered=bool(query.words or query.values),
        tabs=_tabs(query, url),
        views=saved_views(query, url),
        choices=_choices(query),
        hidden={name: value for name, value in (("state", query.state.code), ("sort", query.sort)) if value},
        heads=heads,
        added=added,
        rows=[
            _row(declared, columns, row, menu, added, place) for row, menu in zip(prepared, menu_of, strict=True)
        ],
        bulk=bulk,
        top=_top(declared, request),
        columns=[(column, column in columns) for column in query.columns[1:]],
        count=count,
        count_text=declared.count(count) if declared.count and count else "",
        all_text=_all_text(count) if page.next or page.previous else "",
        selectable=bool(bulk),
        has_menu=any(menu_of),
        export_url=_export_url(declared, request, matching),
        may_add=bool(declared.add) and may(request.user, declared.add),
    )  # fmt: skip


def _top(declared: ObjectList, request: HttpRequest) -> list[TopAction]:
    return [
        item
        for item in declared.top_actions
        if may(request.user, item.permission) and (item.allowed is None or item.allowed())
    ]


def _place_of_added(declared: ObjectList, columns: Sequence[Column]) -> int:
    """Return where the columns of upper subjects stand: before the column `added_before`, else at the end."""
    codes = [column.code for column in columns]
    return codes.index(declared.added_before) if declared.added_before in codes else len(codes)


def _tabs(query: ListQuery, url: str) -> list[Tab]:
    if len(query.states) < 2:
        return []
    counts = query.counts()
    tabs = []
    for state in query.states:
        address = query.query_string(state=state.code)
        text = number(counts[state.code]) if state.code in counts else ""
        tabs.append(Tab(state.label, f"{url}?{address}" if address else url, text, state is query.state))
    return tabs


def saved_views(query: ListQuery, url: str) -> list[ShownView]:
    """Return the viewer's own views and the shared ones, by name. The view that is shown is marked."""
    user, here = viewer(query.request), without_search(query.query_string())
    views = SavedView.objects.filter(Q(owner=user) | Q(shared=True), page=query.declared.name)
    return [
        ShownView(view, f"{url}?{view.query}", view.query == here, view.owner_id == user.pk)
        for view in views.order_by("name", "pk")
    ]


def _choices(query: ListQuery) -> list[FilterChoice]:
    offered = [
        FilterChoice(item.code, item.label, item.choices(query.request), query.query.get(item.code, ""))
        for item in query.filters
        if item.code in query.values or not item.quiet
    ]
    return [choice for choice in offered if choice.choices and (choice.value or _worth(choice))]


def _worth(choice: FilterChoice) -> bool:
    """Return whether a filter divides the rows: the owner filter needs another owner than the viewer."""
    return [value for value, _label in choice.choices] != [ME]


def _head(query: ListQuery, column: Column) -> Head:
    if not column.sort:
        return Head(column.label, column.number)
    rising = query.sort == column.code
    here = rising or query.sort == f"-{column.code}"
    # Numbers are first sorted from the largest.
    first, second = (f"-{column.code}", column.code) if column.number else (column.code, f"-{column.code}")
    address = query.query_string(sort=second if query.sort == first else first)
    state = "ascending" if rising else "descending" if here else "none"
    return Head(column.label, column.number, f"?{address}", state)


def _row(
    declared: ObjectList, columns: Sequence[Column], row: Any, menu: list[MenuEntry], added: AddedColumns, place: int
) -> ShownRow:
    item = declared.item(row)
    cells = [
        ShownCell(
            _html(declared, column, row, item, position),
            column.number,
            column.label if position and column.on_cards else "",
            column.template,
        )
        for position, column in enumerate(columns)
    ]
    cells[place:place] = [
        ShownCell(cell_html(cell), True, head)
        for head, cell in zip(added.heads, added.cells.get(item.pk, [Cell()] * len(added.heads)), strict=True)
    ]  # fmt: skip
    value = getattr(item, declared.key_field)
    return ShownRow(row, str(value), str(item), cells, menu)


def _html(declared: ObjectList, column: Column, row: Any, item: Any, position: int) -> str:
    if column.template:
        return "" if position or not declared.owned else _tags(declared, item)
    return cell_html(column.cell(row)) if position else _first(declared, column, row, item)


def cell_html(cell: Cell | Text) -> SafeString | str:
    """Render a cell. An empty one shows a dash."""
    if not isinstance(cell, Cell):
        return str(cell) if str(cell) else format_html('<span class="muted">{}</span>', NONE)
    tone = f"text-{cell.tone}" if cell.tone else ""
    if cell.badge:
        text: Any = state_badge("", str(cell.text), str(cell.badge))
    elif cell.at is not None:
        text = format_html('<span class="nowrap">{}</span>', ago(cell.at))
    elif cell.url:
        text = format_html('<a class="{}" href="{}">{}</a>', tone, cell.url, cell.text)
    elif str(cell.text):
        text = format_html('<span class="{}">{}</span>', tone, cell.text)
    else:
        text = format_html('<span class="muted">{}</span>', NONE)
    return text + _below(cell.detail)


def _below(detail: Text) -> SafeString:
    return format_html('<span class="sub">{}</span>', detail) if str(detail) else mark_safe("")


def _first(declared: ObjectList, column: Column, row: Any, item: Any) -> SafeString:
    """Render the first cell: the name as a link, a badge with the text `badge`, a line below it, and the tags."""
    cell = column.cell(row)
    cell = cell if isinstance(cell, Cell) else Cell(cell)
    url = cell.url or declared.opens(item)
    if url:
        link = format_html('<a class="person-name" href="{}">{}</a>', url, cell.text)
    else:
        link = format_html('<span class="person-name">{}</span>', cell.text)
    badge = format_html(" {}", state_badge("", str(cell.badge), cell.tone or "off")) if cell.badge else mark_safe("")
    return link + badge + _below(cell.detail) + (_tags(declared, item) if declared.owned else mark_safe(""))


def _tags(declared: ObjectList, item: Any) -> SafeString:
    if not item.tags:
        return mark_safe("")
    url = reverse(declared.route)
    tags = format_html_join(
        "", '<a class="tag" href="{}?{}">{}</a>', ((url, _query("tag", tag), tag) for tag in item.tags)
    )
    return format_html('<span class="tags row-tags">{}</span>', tags)


def _query(name: str, value: str) -> str:
    return urlencode({name: value})


def _menu(actions: Sequence[RowAction], item: Any) -> list[MenuEntry]:
    entries = [(action, action.url(item)) for action in actions]
    return [
        MenuEntry(
            action.label, action.icon, url, action.post, action.danger, action.confirm(item) if action.confirm else ""
        )
        for action, url in entries
        if url
    ]


def row_actions(query: ListQuery) -> list[RowAction]:
    """Return the menu of each row: its own entries and the common ones, as far as this person may use them."""
    declared, user = query.declared, query.request.user
    actions: list[RowAction] = []
    if declared.edit is not None and may(user, declared.change):
        actions.append(RowAction(_("Edit"), "pencil", declared.edit))
    actions += [action for action in declared.row_actions if may(user, action.permission)]
    if declared.duplicate is not None and may(user, declared.add):
        actions.append(RowAction(_("Duplicate"), "copy", _to(declared, "list_duplicate"), post=True))
    if declared.export == "" or (declared.export and may(user, declared.export)):
        actions.append(RowAction(_("Export"), "download", _export_one(declared)))
    if _may_archive(declared, user) and not query.state.archived:
        actions.append(RowAction(_("Archive"), "archive", _archive_one(declared), post=True, danger=True))
    if _may_archive(declared, user) and query.state.archived:
        actions.append(RowAction(_("Restore"), "arrow-back-up", _to(declared, "list_restore"), post=True))
    return actions


def _may_archive(declared: ObjectList, user: Any) -> bool:
    return (declared.archivable or declared.archive is not None) and may(user, declared.change)


def _to(declared: ObjectList, route: str) -> Callable[[Any], str]:
    return lambda item: reverse(route, args=[declared.name, item.pk])


def _archive_one(declared: ObjectList) -> Callable[[Any], str]:
    """Return the address that archives an object, or "" while the object is busy."""

    def url(item: Any) -> str:
        if declared.busy is not None and declared.busy(item):
            return ""
        if declared.archive is not None and getattr(item, "state", "") == "archived":
            return ""
        return reverse("list_archive", args=[declared.name, item.pk])

    return url


def export_path(declared: ObjectList) -> str:
    """Return the address that exports rows of the list."""
    return reverse(declared.export_route) if declared.export_route else reverse("list_export", args=[declared.name])


def _export_one(declared: ObjectList) -> Callable[[Any], str]:
    base = export_path(declared)
    return lambda item: f"{base}?{_query(declared.key, str(getattr(item, declared.key_field)))}"


def _export_url(declared: ObjectList, request: HttpRequest, matching: str) -> str:
    if declared.export is None or not may(request.user, declared.export or None):
        return ""
    base = export_path(declared)
    return f"{base}?{matching}" if matching else base


def people() -> list[tuple[str, Text]]:
    """Return the staff who can own an object."""
    rows = User.objects.filter(is_active=True).order_by("username")
    return [(NO_OWNER, _("No owner")), *((str(person.pk), str(person)) for person in rows)]


def bulk_actions(query: ListQuery) -> list[ShownAction]:
    """Return the buttons of the bar of chosen rows that this person may use."""
    declared, user = query.declared, query.request.user
    own = declared.bulk_actions
    actions = list(own(query.request) if callable(own) else own)
    actions += ADDED_ACTIONS.get(declared.name) or ()
    if declared.owned and may(user, declared.change):
        actions += [
            BulkAction("add_tag", _("Add tag"), "tag", entry="text", entry_label=_("Tag"), key="t"),
            BulkAction("remove_tag", _("Remove tag"), "x"),
            BulkAction(
                "owner", _("Set owner"), "user", entry="choice", entry_label=_("Owner"),
                choices=lambda _request: people(),
            ),
        ]  # fmt: skip
    if declared.archivable and may(user, declared.change) and query.state.archived:
        actions.append(BulkAction("restore", _("Restore"), "arrow-back-up"))
    elif _may_archive(declared, user) and query.state.code != "archived":
        actions.append(BulkAction("archive", _("Archive"), "archive"))
    return [
        ShownAction(action, action.choices(query.request) if action.choices else ())
        for action in actions
        if may(user, action.permission) and (action.states is None or query.state.code in action.states)
    ]


def _all_text(count: paging.Count | None) -> str:
    if count is None:
        return _t("All that match")
    if count.exact:
        return _t("All %(shown)s that match") % {"shown": number(count.value)}
    return _t("All that match, about %(shown)s") % {"shown": number(count.value)}
