"""Pages that every list has: export, actions on chosen rows, columns, saved views, and one object's tags and owner."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, QueryDict, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from core.base.actor import of_user
from core.base.errors import Invalid
from core.console.list_columns import AddedColumns, Cell, added_columns
from core.console.models import SavedView
from core.console.saved_views import remove_view, save_view, without_search
from core.console.views import back, may, page, viewer
from core.lists import services
from core.lists.declaration import LISTS, Column, ObjectList
from core.lists.reading import ListQuery, chosen, ticked
from core.lists.showing import NO_OWNER, bulk_actions
from core.security.models import User
from core.text.formatting import number
from core.text.spreadsheets import BYTE_ORDER_MARK, csv_line

MOST_AT_ONCE = 1000
EXPORT_LIMIT = 100_000


def _list(request: HttpRequest, name: str, permission: str | None = "") -> ObjectList:
    """Return a list that this person may see. `permission`: what is needed besides, "" means nothing."""
    declared = LISTS.get(name)
    if declared is None:
        raise Http404
    if not may(request.user, declared.permission) or permission is None:
        raise PermissionDenied
    if permission and not may(request.user, permission):
        raise PermissionDenied
    return declared


def _changeable(request: HttpRequest, name: str) -> ObjectList:
    """Return a list whose objects this person may change."""
    declared = _list(request, name)
    if not declared.change or not may(request.user, declared.change):
        raise PermissionDenied
    return declared


@page(None, methods=("GET", "POST"))
def export(request: HttpRequest, name: str) -> HttpResponseBase:
    """Export the chosen rows, or all that the filters select, as CSV with the columns that the list can show."""
    declared = _list(request, name)
    if declared.export is None or not may(request.user, declared.export or None):
        raise PermissionDenied
    given = request.POST if request.method == "POST" else request.GET
    every = given.get("all") == "yes" or not given.getlist(declared.key)
    parameters = QueryDict(given.get("matching", "")) if "matching" in given else request.GET
    query = ListQuery(declared, request, parameters)
    if every:
        parts: Iterator[list[Any]] = query.all_pages(EXPORT_LIMIT)
        count = query.rows.order_by()[:EXPORT_LIMIT].count()
    else:
        rows = list(ticked(declared, request, given.getlist(declared.key)[:MOST_AT_ONCE]).order_by(*declared.order))
        parts, count = iter([rows] if rows else []), len(rows)
    services.record_export(
        name=name, rows=count, chosen=not every, filters=without_search(query.query_string()) if every else "",
        actor=of_user(request.user),
    )  # fmt: skip
    response = StreamingHttpResponse(_lines(query, parts), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{name}-{timezone.localdate():%Y%m%d}.csv"'
    return response


def _lines(query: ListQuery, parts: Iterator[list[Any]]) -> Iterator[str]:
    declared, request = query.declared, query.request
    columns = [column for column in query.columns if column.exported]
    first = next(parts, [])
    added = added_columns(declared.added, request, first) if declared.added else AddedColumns()
    more = [_("Tags"), _("Owner")] if declared.owned else []
    heads = [*(column.label for column in columns), *added.heads, *more]
    yield BYTE_ORDER_MARK + csv_line(str(head) for head in heads)
    for part in chain([first], parts):
        if part is not first and declared.added:
            added = added_columns(declared.added, request, part)
        for row in declared.rows(request, part):
            yield csv_line(_cells(declared, columns, row, added))


def _cells(declared: ObjectList, columns: list[Column], row: Any, added: AddedColumns) -> list[Any]:
    item = declared.item(row)
    cells = [_exported(column, row) for column in columns]
    cells += [str(cell.text) for cell in added.cells.get(item.pk, [Cell()] * len(added.heads))]
    if declared.owned:
        cells += [", ".join(item.tags), str(item.owner or "")]
    return cells


def _exported(column: Column, row: Any) -> Any:
    if column.value is not None:
        value = column.value(row)
        return "" if value is None else value
    cell = column.cell(row)
    if isinstance(cell, Cell):
        return cell.at.isoformat() if cell.at is not None else str(cell.text)
    return str(cell)


@page(None, methods=("POST",))
def bulk(request: HttpRequest, name: str) -> HttpResponseBase:
    """Do something with the chosen rows: one of the actions that this person's list offers."""
    declared = _list(request, name)
    query = ListQuery(declared, request, QueryDict(request.POST.get("matching", "")))
    offered = {item.action.code: item.action for item in bulk_actions(query)}
    action = offered.get(request.POST.get("do", ""))
    if action is None:
        raise PermissionDenied
    rows = chosen(declared, request, MOST_AT_ONCE)
    count = rows.count()
    if not count:
        raise Invalid(_t("Choose rows first."), code="required")
    if action.perform is not None:
        result = action.perform(request, rows)
        if not isinstance(result, str):
            return result
        text = result
    else:
        text = _COMMON[action.code](declared, request, rows)
    messages.success(request, text)
    return back(request, reverse(declared.route))


def _add_tag(declared: ObjectList, request: HttpRequest, rows: QuerySet[Any]) -> str:
    tag = request.POST.get("add_tag", "")
    count = services.add_tag(objects=_plain(declared, rows), tag=tag, actor=of_user(request.user))
    return _t("%(count)s tagged “%(tag)s”.") % {"count": number(count), "tag": " ".join(tag.split())}


def _remove_tag(declared: ObjectList, request: HttpRequest, rows: QuerySet[Any]) -> str:
    tag = request.POST.get("add_tag", "")
    count = services.remove_tag(objects=_plain(declared, rows), tag=tag, actor=of_user(request.user))
    return _t("The tag “%(tag)s” is removed from %(count)s.") % {"count": number(count), "tag": " ".join(tag.split())}


def _set_owner(declared: ObjectList, request: HttpRequest, rows: QuerySet[Any]) -> str:
    owner = _owner(request.POST.get("owner", ""))
    count = services.set_owner(objects=_plain(declared, rows), owner=owner, actor=of_user(request.user))
    if owner is None:
        return _t("%(count)s without an owner now.") % {"count": number(count)}
    return _t("%(owner)s is the owner of %(count)s now.") % {"count": number(count), "owner": owner}


def _archive(declared: ObjectList, request: HttpRequest, rows: QuerySet[Any]) -> str:
    count = _archive_rows(declared, request, rows)
    return _t("%(count)s archived.") % {"count": number(count)}


def _archive_rows(declared: ObjectList, request: HttpRequest, rows: QuerySet[Any]) -> int:
    actor = of_user(request.user)
    if declared.archive is not None:
        return services.each(objects=list(rows), service=declared.archive, actor=actor)
    if declared.busy is None:
        raise PermissionDenied
    return services.archive_objects(objects=_plain(declared, rows), busy=declared.busy, actor=actor)


def _restore(declared: ObjectList, request: HttpRequest, rows: QuerySet[Any]) -> str:
    count = services.restore_objects(objects=_plain(declared, rows), actor=of_user(request.user))
    return _t("%(count)s restored.") % {"count": number(count)}


_COMMON = {
    "add_tag": _add_tag,
    "remove_tag": _remove_tag,
    "owner": _set_owner,
    "archive": _archive,
    "restore": _restore,
}


def _plain(declared: ObjectList, rows: QuerySet[Any]) -> QuerySet[Any]:
    """Return the same rows without the joins and annotations of the list, so that they can be locked."""
    return declared.model._default_manager.filter(pk__in=list(rows.order_by().values_list("pk", flat=True)))


def _owner(text: str) -> User | None:
    """Return the chosen owner. Raises Invalid when there is no such member of staff."""
    if text == NO_OWNER:
        return None
    pk = int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0
    person = User.objects.filter(pk=pk, is_active=True).first()
    if person is None:
        raise Invalid(_("Choose an owner."), code="invalid_choice", field="owner")
    return person


def _one(declared: ObjectList, pk: int) -> QuerySet[Any]:
    rows = declared.model._default_manager.filter(pk=pk)
    get_object_or_404(rows)
    return rows


@page(None, methods=("POST",))
def archive(request: HttpRequest, name: str, pk: int) -> HttpResponse:
    declared = _changeable(request, name)
    messages.success(request, _archive(declared, request, _one(declared, pk)))
    return back(request, reverse(declared.route))


@page(None, methods=("POST",))
def restore(request: HttpRequest, name: str, pk: int) -> HttpResponse:
    declared = _changeable(request, name)
    if not declared.archivable:
        raise Http404
    messages.success(request, _restore(declared, request, _one(declared, pk)))
    return back(request, reverse(declared.route))


@page(None, methods=("POST",))
def duplicate(request: HttpRequest, name: str, pk: int) -> HttpResponse:
    """Make a copy that does nothing yet, and open it."""
    declared = _list(request, name)
    if declared.duplicate is None or not may(request.user, declared.add):
        raise PermissionDenied
    copy = declared.duplicate(_one(declared, pk).get(), of_user(request.user))
    messages.success(request, _t("“%(name)s” is created.") % {"name": copy})
    return redirect(declared.opens(copy))


@page(None, methods=("POST",))
def describe(request: HttpRequest, name: str, pk: int) -> HttpResponse:
    """Save the tags and the owner of one object."""
    declared = _changeable(request, name)
    if not declared.owned:
        raise Http404
    tags = request.POST.get("tags", "").replace("，", ",").split(",")
    rows, owner = _one(declared, pk), _owner(request.POST.get("owner", ""))
    services.describe_object(objects=rows, tags=tags, owner=owner, actor=of_user(request.user))
    messages.success(request, _t("Tags and owner are saved."))
    return back(request, declared.opens(rows.get()))


@page(None, methods=("POST",))
def columns(request: HttpRequest, name: str) -> HttpResponse:
    """Keep the columns that this person chose; `do=reset` shows the usual ones again."""
    declared = _list(request, name)
    first, *others = [column.code for column in ListQuery(declared, request, request.GET).columns]
    picked = [code for code in others if code in request.POST.getlist("column")]
    reset = request.POST.get("do") == "reset"
    services.choose_columns(user=viewer(request), page=name, columns=[] if reset else [first, *picked])
    return back(request, reverse(declared.route))


@page(None, methods=("POST",))
def save(request: HttpRequest, name: str) -> HttpResponse:
    """Save the filters, the tab and the order of the list as a view."""
    declared = _list(request, name)
    query = ListQuery(declared, request, QueryDict(request.POST.get("query", ""))).query_string()
    view = save_view(
        owner=viewer(request),
        page=name,
        name=request.POST.get("name", ""),
        query=query,
        shared=request.POST.get("shared") == "on",
    )
    messages.success(request, _t("The view “%(name)s” is saved.") % {"name": view.name})
    if view.query != query:
        messages.info(request, _t("The search text is not saved, because it may name a person."))
    return redirect(f"{reverse(declared.route)}?{view.query}")


@page(None, methods=("POST",))
def remove(request: HttpRequest, name: str, pk: int) -> HttpResponse:
    declared = _list(request, name)
    view = get_object_or_404(SavedView.objects.filter(page=name), pk=pk)
    remove_view(view=view, user=viewer(request))
    messages.success(request, _t("The view “%(name)s” is removed.") % {"name": view.name})
    return back(request, reverse(declared.route))
