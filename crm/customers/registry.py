"""Customers by the search words and filters of the list, for work that continues after the page has answered.

The list's filters belong to the console and to the apps above, so the list registers its function here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.functional import Promise

from core.base.actor import Actor
from core.base.registry import Registry
from core.console.views import may
from crm.customers.models import Customer, Tag

MATCHING: Registry[Callable[[Mapping[str, str]], QuerySet[Customer]]] = Registry("reader of list filters")


def matching(filters: Mapping[str, str]) -> QuerySet[Customer]:
    """Return the active customers that match the filters.

    Permissions are not checked here: the caller has checked them.
    """
    return MATCHING["customers"](filters)


# Called with `customer`, `anonymous_id` and `actor` when a visitor becomes known, inside the transaction.
VISITOR_JOINS: Registry[Callable[..., object]] = Registry("visitor join")


# The values for the template of a panel; None when there is nothing to show.
PanelContext = Callable[[Customer, HttpRequest], "dict[str, Any] | None"]
PanelFunction = TypeVar("PanelFunction", bound=PanelContext)


@dataclass(frozen=True)
class Tab:
    """A tab of the customer page. It is shown when the viewer may see at least one of its panels."""

    label: str | Promise
    order: int = 100


@dataclass(frozen=True)
class Panel:
    """A part of the customer page: in a tab, or without one in the first column."""

    title: str | Promise
    template: str
    context: PanelContext
    permission: str | None = None
    order: int = 100
    tab: str = ""


@dataclass(frozen=True)
class ShownPanel:
    """A panel that this viewer may see, with the values for its template."""

    name: str
    title: str | Promise
    template: str
    values: dict[str, Any]


@dataclass(frozen=True)
class Fact:
    """A figure in the header: a tier, a balance, a stage. `tone`: good, warn, bad or ""."""

    label: str | Promise
    value: str
    url: str = ""
    tone: str = ""


BuildFact = Callable[[Customer, HttpRequest], "Fact | None"]
ActionUrl = Callable[[Customer], str]


@dataclass(frozen=True)
class RegisteredFact:
    build: BuildFact
    permission: str | None = None
    order: int = 100


@dataclass(frozen=True)
class CustomerAction:
    """A button in the header. It is left out when `url(customer)` is empty."""

    label: str | Promise
    icon: str
    url: ActionUrl
    permission: str | None = None
    order: int = 100
    danger: bool = False


@dataclass(frozen=True)
class ShownAction:
    label: str | Promise
    icon: str
    url: str
    danger: bool


TABS: Registry[Tab] = Registry("tab of the customer page")
PANELS: Registry[Panel] = Registry("customer panel")
FACTS: Registry[RegisteredFact] = Registry("customer fact")
ACTIONS: Registry[CustomerAction] = Registry("customer action")


def panel(
    name: str,
    *,
    title: str | Promise,
    template: str,
    permission: str | None = None,
    order: int = 100,
    tab: str = "",
) -> Callable[[PanelFunction], PanelFunction]:
    """Add a panel to the customer page, in this tab, or without a tab in the first column.

    Only the panels of the first column and of the open tab are read.
    """

    def decorate(context: PanelFunction) -> PanelFunction:
        PANELS.register(name, Panel(title, template, context, permission, order, tab))
        return context

    return decorate


def fact(name: str, *, permission: str | None = None, order: int = 100) -> Callable[[BuildFact], BuildFact]:
    """Add a figure to the header of the customer page."""

    def decorate(build: BuildFact) -> BuildFact:
        FACTS.register(name, RegisteredFact(build, permission, order))
        return build

    return decorate


def action(
    name: str,
    *,
    label: str | Promise,
    icon: str,
    permission: str | None = None,
    order: int = 100,
    danger: bool = False,
) -> Callable[[ActionUrl], ActionUrl]:
    """Add a button to the header of the customer page. The decorated function returns its address."""

    def decorate(url: ActionUrl) -> ActionUrl:
        ACTIONS.register(name, CustomerAction(label, icon, url, permission, order, danger))
        return url

    return decorate


def tabs(request: HttpRequest) -> list[tuple[str, str | Promise]]:
    """Return (name, label) of the tabs of which this viewer may see a panel, in order."""
    filled = {panel.tab for panel in PANELS if may(request.user, panel.permission)}
    chosen = sorted((item for item in TABS.items() if item[0] in filled), key=lambda item: item[1].order)
    return [(name, tab.label) for name, tab in chosen]


def tab_address(customer: Customer, name: str, part: str = "") -> str:
    """Return the address of a tab of the customer page, with a panel to scroll to."""
    fragment = f"#panel-{part}" if part else ""
    return f"{reverse('customer', args=[customer.number])}?tab={name}{fragment}"


def shown(customer: Customer, request: HttpRequest, tab: str = "") -> list[ShownPanel]:
    """Return the panels of a tab, or of the first column, that this viewer may see and that have something to show."""
    result = []
    for name, registered in sorted(PANELS.items(), key=lambda item: item[1].order):
        if registered.tab == tab and may(request.user, registered.permission):
            values = registered.context(customer, request)
            if values is not None:
                result.append(ShownPanel(name, registered.title, registered.template, values))
    return result


def facts(customer: Customer, request: HttpRequest) -> list[Fact]:
    chosen = sorted((item for item in FACTS if may(request.user, item.permission)), key=lambda item: item.order)
    return [built for item in chosen if (built := item.build(customer, request)) is not None]


def actions(customer: Customer, request: HttpRequest) -> list[ShownAction]:
    chosen = sorted((item for item in ACTIONS if may(request.user, item.permission)), key=lambda item: item.order)
    return [ShownAction(item.label, item.icon, url, item.danger) for item in chosen if (url := item.url(customer))]


@dataclass(frozen=True)
class CurrencyUse:
    """Amounts of one subject in the shop's currency.

    `refusal(currency)` says why the shop can't change to that currency, or "". `follow(currency)` changes the rows
    that repeat the shop's currency, inside the transaction.
    """

    refusal: Callable[[str], str | Promise]
    follow: Callable[[str], None] = lambda currency: None


CURRENCY_USES: Registry[CurrencyUse] = Registry("use of the currency")


@dataclass(frozen=True)
class TagUse:
    """Objects of one upper subject that refer to tags.

    `users(tag)` returns their names. `follow(old, new, actor)` makes them refer to another tag, inside the transaction.
    None: they know tags by name and can't follow, so that a tag they use keeps its name.
    """

    users: Callable[[Tag], list[str]]
    follow: Callable[[Tag, Tag, Actor], None] | None = None


TAG_USES: Registry[TagUse] = Registry("use of tags")
