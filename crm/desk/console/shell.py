"""Parts that the desk adds to the shell: its page, tickets in the search, and a button on the customer page."""

from __future__ import annotations

from urllib.parse import urlencode

from django.db.models import Count, Min, Q
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from core.console import home, navigation, palette
from core.console.home import Card
from core.console.palette import SearchResult
from core.text.formatting import ago, number
from crm.customers.models import Customer
from crm.customers.registry import action
from crm.desk.console.listing import address
from crm.desk.models import Ticket, TicketStatus

navigation.register(
    "tickets", _("Desk"), url="tickets", icon="messages", permission="crm.view_ticket", section="service", order=30
)
palette.action("ticket_new", _("New ticket"), url="ticket_new", permission="crm.add_ticket", order=10)


@palette.source("tickets", label=_("Tickets"), permission="crm.view_ticket")
def find_tickets(_request: HttpRequest, query: str, limit: int) -> list[SearchResult]:
    """Find a ticket by its number. Subjects are searched only in the desk's own lists."""
    if not query.upper().startswith("T"):
        return []
    return [
        SearchResult(ticket.subject, reverse("ticket", args=[ticket.number]), "message", ticket.number)
        for ticket in Ticket.objects.filter(number=query.upper())[:limit]
    ]


@action("ticket", label=_("Open a ticket"), icon="message-plus", permission="crm.add_ticket", order=20)
def _new_for(customer: Customer) -> str:
    return f"{reverse('ticket_new')}?{urlencode({'customer': customer.number})}"


@home.card("tickets", place="needs", permission="crm.view_ticket", order=10, homes=("administrator",))
def open_tickets(_request: HttpRequest) -> Card | None:
    tickets = Ticket.objects.filter(status=TicketStatus.OPEN).aggregate(
        count=Count("pk"), urgent=Count("pk", filter=Q(priority__gte=3)), oldest=Min("updated_at")
    )
    if not tickets["count"]:
        return None
    detail = _t("Longest without an answer: %(time)s") % {"time": ago(tickets["oldest"])}
    if tickets["urgent"]:
        detail = ngettext("%(count)s of high priority", "%(count)s of high priority", tickets["urgent"]) % {
            "count": number(tickets["urgent"])
        }
    return Card(
        _("Tickets to be answered"),
        number(tickets["count"]),
        url=address("answer"),
        detail=detail,
        tone="warn" if tickets["urgent"] else "",
    )
