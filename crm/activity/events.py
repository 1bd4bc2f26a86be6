"""Domain events of activity."""

from django.utils.translation import gettext_lazy as _

from core.events.bus import declare

ACTIVITY_RECEIVED = declare("crm.activity_received", _("Activity received"), icon="activity", on_timeline=False)
