"""Webhook events of the service desk."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from core.webhooks.registry import publish
from crm.customers.webhooks import about_customer, picking
from crm.desk import events as desk_events

publish(
    "ticket.opened", desk_events.TICKET_OPENED, _("Ticket opened"), about_customer(picking("origin", ticket="number"))
)
publish(
    "ticket.replied", desk_events.TICKET_REPLIED, _("Ticket answered"), about_customer(picking("by", ticket="number"))
)
publish(
    "ticket.reopened",
    desk_events.TICKET_REOPENED,
    _("Ticket opened again"),
    about_customer(picking("by", ticket="number")),
)
publish("ticket.resolved", desk_events.TICKET_RESOLVED, _("Ticket resolved"), about_customer(picking(ticket="number")))
publish(
    "ticket.rated",
    desk_events.TICKET_RATED,
    _("Satisfaction answered"),
    about_customer(picking("score", ticket="number")),
)
