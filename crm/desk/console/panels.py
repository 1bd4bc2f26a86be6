"""Panel and figure of the service desk on the customer page."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from core.console.views import link, may
from core.text.formatting import number
from crm.customers.models import Customer, CustomerState
from crm.customers.registry import TABS, Fact, Tab, fact, panel
from crm.desk import selectors
from crm.desk.console.listing import address
from crm.desk.models import Ticket

TICKETS_SHOWN = 8
TABS.register("service", Tab(_("Service"), order=15))


def ticket_in_hand(request: HttpRequest) -> Ticket | None:
    """Return the ticket beside which the panels are shown, or None on the customer page."""
    return getattr(request, "ticket_in_hand", None)


@panel(
    "tickets",
    title=_("Tickets"),
    template="crm/desk/panels/tickets.html",
    permission="crm.view_ticket",
    order=20,
    tab="service",
)
def _tickets(customer: Customer, request: HttpRequest) -> dict[str, Any] | None:
    """List open tickets, then the newest others. One more row than shown tells if more exist."""
    tickets = list(selectors.tickets_of(customer)[: TICKETS_SHOWN + 1])
    for ticket in tickets:
        ticket.url = link("ticket", ticket.number)  # type: ignore[attr-defined]
    return {
        "tickets": tickets[:TICKETS_SHOWN],
        "more_url": _list_of(customer, "all") if len(tickets) > TICKETS_SHOWN else "",
        "may_add": may(request.user, "crm.add_ticket") and customer.state == CustomerState.ACTIVE,
    }


def _list_of(customer: Customer, view: str) -> str:
    return f"{address(view)}&{urlencode({'customer': customer.number})}"


@fact("tickets", permission="crm.view_ticket", order=30)
def _open_tickets(customer: Customer, _request: HttpRequest) -> Fact:
    count = customer.tickets.unresolved().count()
    return Fact(_("Open tickets"), number(count), url=_list_of(customer, "open"), tone="warn" if count else "")
