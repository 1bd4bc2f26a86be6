"""The home page: one for each role, made of panels and cards that the apps register.

@home.panel("desk.queue", home="service", title=_("Queue"), permission="crm.view_ticket", template="crm/desk/home.html")
def queue(request) -> dict | None: ...          # the context of the template; None: nothing to show

@home.card("tickets", place="needs", permission="crm.view_ticket", order=10)
def open_tickets(request) -> Card | None:
    return Card(_("Open tickets"), number(12), url="/tickets/?status=open", tone="warn")

A panel or card reads kept figures (core.console.kept) or a few indexed rows, never all orders or messages.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, Literal

from django.http import HttpRequest
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from core.base.registry import Registry
from core.console.views import may, viewer
from core.security.roles import Role, roles_of

Place = Literal["needs", "changed", "numbers"]
PLACES: dict[Place, str | Promise] = {
    "needs": _("Needs attention"),
    "changed": _("Recent changes"),
    "numbers": _("The shop in numbers"),
}
HomeName = Literal["marketer", "service", "analyst", "administrator"]


@dataclass(frozen=True)
class Home:
    """A home page, and the roles that open it. `places`: the kinds of cards that it shows."""

    label: str | Promise
    roles: frozenset[Role]
    places: tuple[Place, ...] = ("needs", "changed", "numbers")


HOMES: dict[HomeName, Home] = {
    "administrator": Home(_("Administration"), frozenset({Role.ADMINISTRATOR})),
    "analyst": Home(_("Analysis"), frozenset({Role.ANALYST, Role.ADMINISTRATOR})),
    "marketer": Home(pgettext_lazy("home page", "Marketing"), frozenset({Role.MARKETER, Role.ADMINISTRATOR})),
    # Agents need no revenue to answer tickets.
    "service": Home(
        pgettext_lazy("home page", "Service"), frozenset({Role.AGENT, Role.LEAD, Role.ADMINISTRATOR}), ("needs",)
    ),
}


@dataclass(frozen=True)
class Card:
    """One figure: label, value, a line below it, and the address of the rows behind it.

    `tone`: good, warn, bad or "".
    """

    label: str | Promise
    value: str
    url: str = ""
    detail: str | Promise = ""
    tone: str = ""
    icon: str = ""


@dataclass(frozen=True)
class Registered:
    place: Place
    build: Callable[[HttpRequest], Card | None]
    permission: str | None
    order: int
    homes: tuple[HomeName, ...] = ()


@dataclass(frozen=True)
class Panel:
    """A part of a home page. `wide`: it takes the whole width."""

    home: HomeName
    title: str | Promise
    template: str
    build: Callable[[HttpRequest], Mapping[str, Any] | None]
    permission: str | None
    order: int
    wide: bool


@dataclass(frozen=True)
class ShownPanel:
    name: str
    panel: Panel
    values: Mapping[str, Any]


CARDS: Registry[Registered] = Registry("home card")
PANELS: Registry[Panel] = Registry("home panel")


CardBuilder = Callable[[HttpRequest], Card | None]
PanelBuilder = Callable[[HttpRequest], Mapping[str, Any] | None]


def card(
    name: str, *, place: Place, permission: str | None = None, order: int = 100, homes: tuple[HomeName, ...] = ()
) -> Callable[[CardBuilder], CardBuilder]:
    """Register a callable(request) -> Card; it returns None when there is nothing to show.

    `homes`: only these home pages show the card, because panels of the others have its figure.
    """

    def decorate(build: CardBuilder) -> CardBuilder:
        CARDS.register(name, Registered(place, build, permission, order, homes))
        return build

    return decorate


def panel(
    name: str,
    *,
    home: HomeName,
    title: str | Promise,
    template: str,
    permission: str | None,
    order: int = 100,
    wide: bool = False,
) -> Callable[[PanelBuilder], PanelBuilder]:
    """Register a callable(request) -> context of the template; it returns None when there is nothing to show."""

    def decorate(build: PanelBuilder) -> PanelBuilder:
        PANELS.register(f"{home}.{name}", Panel(home, title, template, build, permission, order, wide))
        return build

    return decorate


def homes_of(request: HttpRequest) -> list[HomeName]:
    """Return the home pages of this user: that of the highest role first."""
    own = roles_of(viewer(request))
    names: list[HomeName] = [name for role in own for name, home in HOMES.items() if role in home.roles]
    return list(dict.fromkeys(names))


def cards(request: HttpRequest, name: HomeName | None = None) -> list[tuple[Place, str | Promise, list[Card]]]:
    """Return the cards that this user may see, by place, in order; without a home page those of every place."""
    places = HOMES[name].places if name else tuple(PLACES)
    allowed = [item for item in CARDS if may(request.user, item.permission) and (not item.homes or name in item.homes)]
    allowed.sort(key=lambda item: item.order)
    return [
        (place, PLACES[place], cards_of_place)
        for place in places
        if (cards_of_place := [card for item in allowed if item.place == place and (card := item.build(request))])
    ]


def panels(request: HttpRequest, name: HomeName) -> list[ShownPanel]:
    """Return the panels of a home page that this user may see, in order."""
    own = [(key, item) for key, item in PANELS.items() if item.home == name and may(request.user, item.permission)]
    shown = []
    for key, item in sorted(own, key=lambda pair: pair[1].order):
        values = item.build(request)
        if values is not None:
            shown.append(ShownPanel(key.partition(".")[2], item, values))
    return shown


# Parts that differ each time: relative times and tokens of forms.
_FLEETING = re.compile(r"<time\b.*?</time>|<input[^>]*csrfmiddlewaretoken[^>]*>", re.DOTALL)


def version_of(html: str) -> str:
    """Return a short digest of a rendered page, so that a poll does not redraw a page on which nothing has changed."""
    return blake2b(_FLEETING.sub("", html).encode(), digest_size=8).hexdigest()
