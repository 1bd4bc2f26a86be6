"""Parts of the customer page. Each app adds its own in `extensions`:

    panels.register("points", title=_("Points"), template="loyalty/panel_points.html", context=points_of,
                    permission="loyalty.view_member", order=10)

`context(customer, request)` returns the template's values, or None when there is nothing to show. FACTS are figures
in the header, ACTIONS are its buttons.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from django.http import HttpRequest
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from core.console.views import link, may
from core.registry import Registry
from crm.models import Customer, Ticket
from crm.selectors import moments, profile  # noqa: F401 - moments registers the timeline's own sources

ORDERS_SHOWN = 5
NOTES_SHOWN = 5
TICKETS_SHOWN = 5


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


def ticket_in_hand(request: HttpRequest) -> Ticket | None:
    """Return the ticket beside which the panels are shown, or None on the customer page."""
    return getattr(request, "ticket_in_hand", None)


def _contacts(customer: Customer, request: HttpRequest) -> dict[str, Any]:
    return {"contacts": profile.contacts(customer), "may_unmask": may(request.user, "crm.unmask_customer")}


def _tickets(customer: Customer, _request: HttpRequest) -> dict[str, Any] | None:
    # Tickets that wait for us come first, then the urgent, then the longest waiting. One more row than shown tells if
    # more exist.
    tickets = list(customer.tickets.unresolved().order_by("status", "-priority", "waiting_since")[: TICKETS_SHOWN + 1])
    for ticket in tickets:
        ticket.url = link("ticket", ticket.number)
    return {"tickets": tickets[:TICKETS_SHOWN], "more": len(tickets) > TICKETS_SHOWN}


def _notes(customer: Customer, request: HttpRequest) -> dict[str, Any]:
    newest = customer.notes.select_related("author").order_by("-pinned", "-created_at")[: NOTES_SHOWN + 1]
    notes = list(newest)
    return {
        "notes": notes[:NOTES_SHOWN],
        "more": len(notes) > NOTES_SHOWN,
        "may_write": may(request.user, "crm.add_note"),
    }


def _orders(customer: Customer, _request: HttpRequest) -> dict[str, Any]:
    newest = list(profile.orders_of(customer)[: ORDERS_SHOWN + 1])
    return {"orders": newest[:ORDERS_SHOWN], "more": len(newest) > ORDERS_SHOWN}


def _attributes(customer: Customer, request: HttpRequest) -> dict[str, Any]:
    return {
        "birthday": profile.masked_birthday(customer),
        "attributes": profile.attributes(customer),
        "may_edit": may(request.user, "crm.change_customer"),
    }


register(
    "contacts",
    title=_("Contacts and identities"),
    template="crm/panels/contacts.html",
    context=_contacts,
    permission="crm.view_identity",
    order=10,
)
register(
    "tickets",
    title=_("Open tickets"),
    template="crm/panels/tickets.html",
    context=_tickets,
    permission="crm.view_ticket",
    order=20,
)
register(
    "notes", title=_("Notes"), template="crm/panels/notes.html", context=_notes, permission="crm.view_note", order=30
)
register("profile", title=_("Profile"), template="crm/panels/profile.html", context=_attributes, order=80)
register(
    "consents",
    title=_("Consents"),
    template="crm/panels/consents.html",
    context=lambda customer, _request: {"consents": profile.consents(customer)},
    permission="crm.view_consent",
    order=90,
)
register(
    "orders",
    title=_("Orders"),
    template="crm/panels/orders.html",
    context=_orders,
    permission="crm.view_order",
    order=10,
    place="main",
)
ACTIONS.register(
    "edit",
    CustomerAction(
        _("Edit"),
        "pencil",
        lambda customer: reverse("customer_edit", args=[customer.number]),
        "crm.change_customer",
        order=90,
    ),
)
