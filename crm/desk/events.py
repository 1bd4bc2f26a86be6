"""Domain events of the service desk."""

from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from core.events.bus import declare

TICKET_OPENED = declare(
    "crm.ticket_opened", _("Ticket opened"), icon="message-circle", describe=lambda p: p.get("subject", "")
)
TICKET_REPLIED = declare("crm.ticket_replied", _("Ticket answered"), icon="message-reply")
TICKET_REOPENED = declare("crm.ticket_reopened", _("Ticket opened again"), icon="message-circle")
TICKET_RESOLVED = declare("crm.ticket_resolved", _("Ticket resolved"), icon="message-check")
TICKET_RATED = declare(
    "crm.ticket_rated",
    _("Satisfaction answered"),
    icon="star",
    describe=lambda p: _t("%(score)s of 5") % {"score": p.get("score")},
)
