"""Panels of the service desk on the customer page."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from core.console.views import link
from crm.customers.models import Customer
from crm.customers.registry import panel
from crm.desk.models import Ticket

TICKETS_SHOWN = 5


def ticket_in_hand(request: HttpRequest) -> Ticket | None:
    """Return the ticket beside which the panels are shown, or None on the customer page."""
    return getattr(request, "ticket_in_hand", None)


@panel(
    "tickets", title=_("Open tickets"), template="crm/desk/panels/tickets.html", permission="crm.view_ticket", order=20
)
def _tickets(customer: Customer, _request: HttpRequest) -> dict[str, Any] | None:
    # Tickets that wait for us come first, then the urgent, then the longest waiting. One more row than shown tells if
    # more exist.
    tickets = list(customer.tickets.unresolved().order_by("status", "-priority", "waiting_since")[: TICKETS_SHOWN + 1])
    for ticket in tickets:
        ticket.url = link("ticket", ticket.number)  # type: ignore[attr-defined]
    return {"tickets": tickets[:TICKETS_SHOWN], "more": len(tickets) > TICKETS_SHOWN}
