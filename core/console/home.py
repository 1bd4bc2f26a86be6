"""Cards of the home page. Each app registers cards of three kinds: needs attention, changes, and figures of the shop.

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

from core.base.registry import Registry
from core.console.views import may

Place = Literal["needs", "changed", "numbers"]
PLACES: dict[Place, str | Promise] = {
    "needs": _("Needs attention"),
    "changed": _("Recent changes"),
    "numbers": _("The shop in numbers"),
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


CARDS: Registry[Registered] = Registry("home card")


CardBuilder = Callable[[HttpRequest], Card | None]


def card(
    name: str, *, place: Place, permission: str | None = None, order: int = 100
) -> Callable[[CardBuilder], CardBuilder]:
    """Register a callable(request) -> Card; it returns None when there is nothing to show."""

    def decorate(build: CardBuilder) -> CardBuilder:
        CARDS.register(name, Registered(place, build, permission, order))
        return build

    return decorate


def cards(request: HttpRequest) -> list[tuple[str | Promise, list[Card]]]:
    """Return the cards that this user may see, by place, in order."""
    allowed = sorted((item for item in CARDS if may(request.user, item.permission)), key=lambda item: item.order)
    return [
        (label, cards_of_place)
        for place, label in PLACES.items()
        if (cards_of_place := [card for item in allowed if item.place == place and (card := item.build(request))])
    ]
