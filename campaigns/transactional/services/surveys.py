"""Ask how satisfied a customer is with a resolution (D2): one message per resolution.

The channel is e-mail if there is an address; SMS if there is only a phone number and a provider; else the app.
"""

from __future__ import annotations

from django.conf import settings

from campaigns.channels.models import ChannelAccount
from campaigns.channels.registry import CHANNELS, PROVIDERS
from campaigns.messages.models import Message
from campaigns.messages.services.messages import queue_message
from campaigns.templates.models import TemplateText
from campaigns.templates.services.presets import survey_template
from campaigns.transactional.rules import SURVEY_ORIGIN
from crm.customers.models import Customer, Identity, IdentityKind
from crm.desk.models import Ticket, TicketStatus
from crm.desk.services import rating_token

STEP = "survey"


def ask_satisfaction(*, ticket_id: int, resolution: int) -> Message | None:
    """Queue the question for one resolution.

    Return None when it was asked, the ticket has changed, or it is internal.
    """
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
    return queue_message(
        customer=ticket.customer,
        template=survey_template(_channel(ticket.customer)),
        origin=SURVEY_ORIGIN,
        step=STEP,
        occurrence=f"{ticket.pk}:{resolution}",
        context={
            "ticket": {"number": ticket.number, "subject": ticket.subject},
            "links": {"rating": f"{settings.SITE_URL}/rate/{rating_token(ticket)}/"},
        },
    )


def _channel(customer: Customer) -> str:
    kinds = set(Identity.objects.filter(customer=customer).values_list("kind", flat=True))
    if IdentityKind.EMAIL in kinds:
        return "email"
    if IdentityKind.PHONE in kinds and CHANNELS["sms"].ready() and _can_text():
        return "sms"
    return "inbox"


def _can_text() -> bool:
    """Return whether SMS can carry the question.

    A provider that sends only approved templates needs a template id, which the shop enters as the subject.
    """
    account = ChannelAccount.objects.filter(channel="sms", active=True).first()
    if account is None or not PROVIDERS[account.provider].by_template:
        return account is not None
    template = survey_template("sms")
    return not TemplateText.objects.filter(template=template, version=template.version, subject="").exists()
