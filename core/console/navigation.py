"""Entries of the left navigation and of the Ctrl-K palette. Each app registers its own in `extensions`:

navigation.register("customers", _("Customers"), url="customers", icon="users",
                    permission="crm.view_customer", section="service", order=10)
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from core.base.actor import RequestUser
from core.base.registry import Registry
from core.console.views import may

SECTIONS: dict[str, str | Promise] = {
    "": "",
    "service": _("Service"),
    "marketing": _("Marketing"),
    "loyalty": _("Loyalty"),
    "insight": _("Insight"),
    "data": _("Data"),
    "settings": _("Settings"),
}


@dataclass(frozen=True)
class NavigationEntry:
    """A page. `permission` None: all staff. `listed` False: only in the palette. `count(user)`: pending rows there."""

    name: str
    label: str | Promise
    url: str
    icon: str
    permission: str | None = None
    section: str = ""
    order: int = 100
    listed: bool = True
    count: Callable[[RequestUser], int] | None = None

    @property
    def href(self) -> str:
        return reverse(self.url)


@dataclass(frozen=True)
class NavigationLink:
    """An entry as one user sees it on one page. `current`: the open page belongs to it. `count`: pending rows there."""

    entry: NavigationEntry
    current: bool
    count: int


@dataclass(frozen=True)
class NavigationGroup:
    """The links of a section. `shown`: it is unfolded, because it has the open page or the user unfolded it."""

    name: str
    label: str | Promise
    links: list[NavigationLink]
    shown: bool

    @property
    def count(self) -> int:
        """Return the pending rows behind all links."""
        return sum(link.count for link in self.links)


ENTRIES: Registry[NavigationEntry] = Registry("navigation entry")


def register(
    name: str,
    label: str | Promise,
    *,
    url: str,
    icon: str,
    permission: str | None = None,
    section: str = "",
    order: int = 100,
    listed: bool = True,
    count: Callable[[RequestUser], int] | None = None,
) -> NavigationEntry:
    """Add a page to the navigation. `url` is the name of a route without arguments, `section` a key of SECTIONS."""
    if section not in SECTIONS:
        raise RuntimeError(f"Navigation entry {name!r} names the unknown section {section!r}.")
    return ENTRIES.register(name, NavigationEntry(name, label, url, icon, permission, section, order, listed, count))


def allowed(user: RequestUser) -> list[NavigationEntry]:
    sections = list(SECTIONS)
    entries = [entry for entry in ENTRIES if may(user, entry.permission)]
    return sorted(entries, key=lambda entry: (sections.index(entry.section), entry.order))


def groups(user: RequestUser, path: str, unfolded: Collection[str] = ()) -> list[NavigationGroup]:
    """Return this user's entries by section. The entry of the open page, or of a page above it, is marked.

    `unfolded` are the sections that the user opened before.
    """
    entries = [entry for entry in allowed(user) if entry.listed]
    here = max((entry.href for entry in entries if _covers(entry.href, path)), key=len, default="")
    result: list[NavigationGroup] = []
    for section, label in SECTIONS.items():
        own = [
            NavigationLink(entry, current=entry.href == here, count=entry.count(user) if entry.count else 0)
            for entry in entries
            if entry.section == section
        ]
        if own:
            shown = not label or section in unfolded or any(link.current for link in own)
            result.append(NavigationGroup(section, label, own, shown))
    return result


def _covers(href: str, path: str) -> bool:
    return path == href or (href != "/" and path.startswith(href))
