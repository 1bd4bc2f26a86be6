"""Parts that the desk adds to the shell: its page, tickets in the search, and a button on the customer page."""

from __future__ import annotations

from urllib.parse import urlencode

from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from core.console import navigation, palette
from core.console.palette import SearchResult
from crm.models import Customer, Ticket
from crm.panels import ACTIONS, CustomerAction

navigation.register(
    "tickets", _("Desk"), url="tickets", icon="messages", permission="crm.view_ticket", section="service", order=30
)


@palette.source("tickets", label=_("Tickets"), permission="crm.view_ticket")
def find_tickets(_request: HttpRequest, query: str, limit: int) -> list[SearchResult]:
    """Find a ticket by its number. Subjects are searched only in the desk's own lists."""
    if not query.upper().startswith("T"):
        return []
    return [
        SearchResult(ticket.subject, reverse("ticket", args=[ticket.number]), "message", ticket.number)
        for ticket in Ticket.objects.filter(number=query.upper())[:limit]
    ]


def _new_for(customer: Customer) -> str:
    return f"{reverse('ticket_new')}?{urlencode({'customer': customer.number})}"


ACTIONS.register("ticket", CustomerAction(_("Open a ticket"), "message-plus", _new_for, "crm.add_ticket", order=20))
