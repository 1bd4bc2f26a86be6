"""The home page's cards. Each app registers what needs someone, what changed, and its part of the shop in numbers:

@home.card("tickets", place="needs", permission="crm.view_ticket", order=10)
def open_tickets(request) -> Card | None:
    return Card(_("Open tickets"), number(12), url="/tickets/?status=open", tone="warn")
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from django.http import HttpRequest
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from core.console.views import may
from core.registry import Registry

Place = Literal["needs", "changed", "numbers"]
PLACES: dict[Place, str | Promise] = {
    "needs": _("Needs you"),
    "changed": _("What changed"),
    "numbers": _("The shop in numbers"),
}


@dataclass(frozen=True)
class Card:
    """One figure: what it counts, how much, a line below it, and the rows behind it. `tone`: good, warn, bad or ""."""

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


CARDS: Registry[Registered] = Registry("home card")


def card(name: str, *, place: Place, permission: str | None = None, order: int = 100):
    """Register a callable(request) -> Card, or None when there is nothing to say."""

    def decorate(build: Callable[[HttpRequest], Card | None]):
        CARDS.register(name, Registered(place, build, permission, order))
        return build

    return decorate


def cards(request: HttpRequest) -> list[tuple[str | Promise, list[Card]]]:
    """The cards that this person may see, by place, in order."""
    wanted = sorted((item for item in CARDS if may(request.user, item.permission)), key=lambda item: item.order)
    return [
        (label, built)
        for place, label in PLACES.items()
        if (built := [made for item in wanted if item.place == place and (made := item.build(request))])
    ]
