"""Asking how a resolution went (D2): one message per resolution, by e-mail where there is an address, else in the app."""

from __future__ import annotations

from django.conf import settings

from campaigns.models import Message
from campaigns.services.messages import queue_message
from campaigns.services.presets import survey_template
from crm.models import Identity, IdentityKind, Ticket, TicketStatus
from crm.services.tickets import rating_token

STEP = "survey"


def ask_satisfaction(*, ticket_id: int, resolution: int) -> Message | None:
    """Queue the question for one resolution. None when it was asked, the ticket has moved on, or it is internal."""
    ticket = Ticket.objects.select_related("customer").filter(pk=ticket_id).first()
    if (
        ticket is None
        or ticket.internal
        or ticket.resolution_count != resolution
        or ticket.status
        not in {
            TicketStatus.RESOLVED,
            TicketStatus.CLOSED,
        }
    ):
        return None
    has_email = Identity.objects.of_kind(IdentityKind.EMAIL).filter(customer=ticket.customer).exists()
    return queue_message(
        customer=ticket.customer,
        template=survey_template("email" if has_email else "inbox"),
        origin="survey:ticket",
        step=STEP,
        occurrence=f"{ticket.pk}:{resolution}",
        context={
            "ticket": {"number": ticket.number, "subject": ticket.subject},
            "links": {"rating": f"{settings.SITE_URL}/rate/{rating_token(ticket)}/"},
        },
    )
