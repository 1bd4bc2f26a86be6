"""Global search: the search box and Ctrl-K query the same registered sources.

@palette.source("customers", label=_("Customers"), permission="crm.view_customer")
def find(request, query: str, limit: int) -> list[SearchResult]: ...
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from django.http import HttpRequest
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from core.base.registry import Registry
from core.console import navigation
from core.console.views import may

Find = Callable[[HttpRequest, str, int], "list[SearchResult]"]


@dataclass(frozen=True)
class SearchResult:
    label: str
    url: str
    icon: str = "arrow-right"
    detail: str = ""


@dataclass(frozen=True)
class SearchSource:
    """A source of results. `more` returns the address of the full list of matches, for the search page."""

    label: str | Promise
    find: Find
    permission: str | None = None
    more: Callable[[str], str] | None = None


@dataclass(frozen=True)
class SearchGroup:
    label: str | Promise
    results: list[SearchResult]
    more: str = ""


SOURCES: Registry[SearchSource] = Registry("search source")


def source(
    name: str, *, label: str | Promise, permission: str | None = None, more: Callable[[str], str] | None = None
) -> Callable[[Find], Find]:
    def decorate(find: Find) -> Find:
        SOURCES.register(name, SearchSource(label, find, permission, more))
        return find

    return decorate


def search(request: HttpRequest, query: str, limit: int = 8) -> list[SearchGroup]:
    """Return the results of all sources for these words, and the pages whose name contains them."""
    query = query.replace("\x00", " ").strip()[:100]
    groups = []
    if query:
        for item in SOURCES:
            if may(request.user, item.permission) and (results := item.find(request, query, limit)):
                groups.append(SearchGroup(item.label, results, item.more(query) if item.more else ""))
    folded = query.casefold()
    pages = [
        SearchResult(str(entry.label), entry.href, entry.icon)
        for entry in navigation.allowed(request.user)
        if folded in str(entry.label).casefold() or folded in entry.name
    ]
    if pages:
        groups.append(SearchGroup(_("Pages"), pages))
    return groups
