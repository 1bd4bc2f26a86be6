"""Cards of the settings index. Each subject registers its page in `extensions`:

settings_cards.register("shop", _("Shop"), _("Name, logo, colours, sender"), url="settings_shop",
                        icon="building-store", permission="crm.change_store", group="shop", order=10)
"""

from __future__ import annotations

from dataclasses import dataclass

from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from core.base.actor import RequestUser
from core.base.registry import Registry
from core.console import navigation
from core.console.views import may

GROUPS: dict[str, str | Promise] = {
    "shop": _("Shop and team"),
    "customers": _("Customers and catalogue"),
    "loyalty": _("Loyalty"),
    "messages": _("Messages"),
    "technical": _("Technical"),
    "own": _("Your account"),
}


@dataclass(frozen=True)
class SettingsCard:
    """A page of settings: its name, one line about its contents, and the permission that opens it (None: all staff)."""

    name: str
    label: str | Promise
    text: str | Promise
    url: str
    icon: str
    permission: str | None = None
    group: str = "shop"
    order: int = 100

    @property
    def href(self) -> str:
        return reverse(self.url)


@dataclass(frozen=True)
class CardGroup:
    label: str | Promise
    cards: list[SettingsCard]


CARDS: Registry[SettingsCard] = Registry("settings card")


def register(
    name: str,
    label: str | Promise,
    text: str | Promise,
    *,
    url: str,
    icon: str,
    permission: str | None = None,
    group: str = "shop",
    order: int = 100,
    palette: bool = True,
) -> SettingsCard:
    """Add a page to the settings index. With `palette` it is also an entry of Ctrl-K; a page of the navigation is one
    already.
    """
    if group not in GROUPS:
        raise RuntimeError(f"Settings card {name!r} names the unknown group {group!r}.")
    if palette:
        navigation.register(
            f"settings_{name}", label, url=url, icon=icon, permission=permission, section="settings", order=order,
            listed=False,
        )  # fmt: skip
    return CARDS.register(name, SettingsCard(name, label, text, url, icon, permission, group, order))


def groups(user: RequestUser) -> list[CardGroup]:
    """Return the cards that this user may open, by group."""
    cards = sorted((card for card in CARDS if may(user, card.permission)), key=lambda card: card.order)
    shown = [CardGroup(label, [card for card in cards if card.group == name]) for name, label in GROUPS.items()]
    return [group for group in shown if group.cards]
