"""Global search: the search box and Ctrl-K query the same registered sources.

@palette.source("customers", label=_("Customers"), permission="crm.view_customer")
def find(request, query: str, limit: int) -> list[SearchResult]: ...

palette.action("ticket_new", _("New ticket"), url="ticket_new", permission="crm.add_ticket")
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse
from django.utils import translation
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from core.base.registry import Registry
from core.console import navigation
from core.console.views import may
from core.text.pinyin import initials

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


@dataclass(frozen=True)
class PaletteAction:
    """Something to do: `url` is the name of a route without arguments, `words` are further words that find it."""

    name: str
    label: str | Promise
    url: str
    icon: str = "plus"
    permission: str | None = None
    words: str | Promise = ""
    order: int = 100


SOURCES: Registry[SearchSource] = Registry("search source")
ACTIONS: Registry[PaletteAction] = Registry("palette action")
# Without a search text the palette shows so many actions, so that the pages stay in sight.
ACTIONS_OFFERED = 6


def action(
    name: str,
    label: str | Promise,
    *,
    url: str,
    permission: str | None,
    icon: str = "plus",
    words: str | Promise = "",
    order: int = 100,
) -> PaletteAction:
    """Add an action to the palette, such as "New broadcast"."""
    return ACTIONS.register(name, PaletteAction(name, label, url, icon, permission, words, order))


@lru_cache(maxsize=1024)
def _searched(names: tuple[str | Promise, ...]) -> tuple[str, ...]:
    """Return the texts by which something is found: its names in each language, and their pinyin initials."""
    texts = []
    for language, _label in settings.LANGUAGES:
        with translation.override(language):
            texts += [str(name).casefold() for name in names]
    return tuple(texts + [found for text in texts if not text.isascii() and (found := initials(text))])


def matches(query: str, *names: str | Promise) -> bool:
    """Return whether one of the names contains the text, in any language of the console or by pinyin initials."""
    folded = query.casefold()
    return not folded or any(folded in text for text in _searched(names))


def source(
    name: str, *, label: str | Promise, permission: str | None = None, more: Callable[[str], str] | None = None
) -> Callable[[Find], Find]:
    def decorate(find: Find) -> Find:
        SOURCES.register(name, SearchSource(label, find, permission, more))
        return find

    return decorate


def search(request: HttpRequest, query: str, limit: int = 8) -> list[SearchGroup]:
    """Return the actions and pages whose name contains these words, and the results of all sources."""
    query = query.replace("\x00", " ").strip()[:100]
    groups = []
    actions = [
        SearchResult(str(one.label), reverse(one.url), one.icon)
        for one in sorted(ACTIONS, key=lambda one: one.order)
        if may(request.user, one.permission) and matches(query, one.label, one.words)
    ]
    if actions:
        groups.append(SearchGroup(_("Actions"), actions if query else actions[:ACTIONS_OFFERED]))
    if query:
        for item in SOURCES:
            if may(request.user, item.permission) and (results := item.find(request, query, limit)):
                groups.append(SearchGroup(item.label, results, item.more(query) if item.more else ""))
    pages = [
        SearchResult(str(entry.label), entry.href, entry.icon)
        for entry in navigation.allowed(request.user)
        if matches(query, entry.label, entry.name)
    ]
    if pages:
        groups.append(SearchGroup(_("Pages"), pages))
    return groups
