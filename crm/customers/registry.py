"""Customers by the search words and filters of the list, for work that continues after the page has answered.

The list's filters belong to the console and to the apps above, so the list registers its function here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.functional import Promise

from core.base.registry import Registry
from core.console.views import may
from crm.customers.models import Customer

MATCHING: Registry[Callable[[Mapping[str, str]], QuerySet[Customer]]] = Registry("reader of list filters")


def matching(filters: Mapping[str, str]) -> QuerySet[Customer]:
    """Return the active customers that match the filters.

    Permissions are not checked here: the caller has checked them.
    """
    return MATCHING["customers"](filters)


# Called with `customer`, `anonymous_id` and `actor` when a visitor becomes known, inside the transaction.
VISITOR_JOINS: Registry[Callable[..., object]] = Registry("visitor join")


@dataclass(frozen=True)
class Panel:
    title: str | Promise
    template: str
    context: Callable[[Customer, HttpRequest], dict[str, Any] | None]
    permission: str | None = None
    order: int = 100
    place: Literal["main", "side"] = "side"


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


@dataclass(frozen=True)
class RegisteredFact:
    build: Callable[[Customer, HttpRequest], Fact | None]
    permission: str | None = None
    order: int = 100


@dataclass(frozen=True)
class CustomerAction:
    """A button in the header. It is left out when `url(customer)` is empty."""

    label: str | Promise
    icon: str
    url: Callable[[Customer], str]
    permission: str | None = None
    order: int = 100
    danger: bool = False


@dataclass(frozen=True)
class ShownAction:
    label: str | Promise
    icon: str
    url: str
    danger: bool


PANELS: Registry[Panel] = Registry("customer panel")
FACTS: Registry[RegisteredFact] = Registry("customer fact")
ACTIONS: Registry[CustomerAction] = Registry("customer action")


def register(
    name: str,
    *,
    title: str | Promise,
    template: str,
    context: Callable[[Customer, HttpRequest], dict[str, Any] | None],
    permission: str | None = None,
    order: int = 100,
    place: Literal["main", "side"] = "side",
) -> Panel:
    """Add a panel to the customer page, in the main column above the timeline or beside it."""
    return PANELS.register(name, Panel(title, template, context, permission, order, place))


def shown(customer: Customer, request: HttpRequest, place: str) -> list[ShownPanel]:
    """Return the panels of one column that this viewer may see and that have something to show, in order."""
    result = []
    for name, panel in sorted(PANELS.items(), key=lambda item: item[1].order):
        if panel.place == place and may(request.user, panel.permission):
            values = panel.context(customer, request)
            if values is not None:
                result.append(ShownPanel(name, panel.title, panel.template, values))
    return result


def facts(customer: Customer, request: HttpRequest) -> list[Fact]:
    chosen = sorted((item for item in FACTS if may(request.user, item.permission)), key=lambda item: item.order)
    return [fact for item in chosen if (fact := item.build(customer, request)) is not None]


def actions(customer: Customer, request: HttpRequest) -> list[ShownAction]:
    chosen = sorted((item for item in ACTIONS if may(request.user, item.permission)), key=lambda item: item.order)
    return [ShownAction(item.label, item.icon, url, item.danger) for item in chosen if (url := item.url(customer))]
