"""Finding anything from anywhere: the search box and Ctrl-K ask the same registered sources.

@palette.source("customers", label=_("Customers"), permission="crm.view_customer")
def find(request, query: str, limit: int) -> list[Result]: ...
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from django.http import HttpRequest
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from core.console import navigation
from core.console.views import may
from core.registry import Registry

Find = Callable[[HttpRequest, str, int], "list[Result]"]


@dataclass(frozen=True)
class Result:
    label: str
    url: str
    icon: str = "arrow-right"
    detail: str = ""


@dataclass(frozen=True)
class Source:
    """`more` gives the address of all that match, for the search page."""

    label: str | Promise
    find: Find
    permission: str | None = None
    more: Callable[[str], str] | None = None


@dataclass(frozen=True)
class Found:
    label: str | Promise
    results: list[Result]
    more: str = ""


SOURCES: Registry[Source] = Registry("search source")


def source(
    name: str, *, label: str | Promise, permission: str | None = None, more: Callable[[str], str] | None = None
) -> Callable[[Find], Find]:
    def decorate(find: Find) -> Find:
        SOURCES.register(name, Source(label, find, permission, more))
        return find

    return decorate


def search(request: HttpRequest, query: str, limit: int = 8) -> list[Found]:
    """What the sources know of these words, and pages whose name contains them."""
    query = query.replace("\x00", " ").strip()[:100]
    found = []
    if query:
        for item in SOURCES:
            if may(request.user, item.permission) and (results := item.find(request, query, limit)):
                found.append(Found(item.label, results, item.more(query) if item.more else ""))
    folded = query.casefold()
    pages = [
        Result(str(entry.label), entry.href, entry.icon)
        for entry in navigation.allowed(request.user)
        if folded in str(entry.label).casefold() or folded in entry.name
    ]
    if pages:
        found.append(Found(_("Pages"), pages))
    return found
