"""Domain events of imports."""

from django.utils.translation import gettext_lazy as _

from core.events.bus import declare

REFUSED_ROWS_EXPORTED = declare("crm.refused_rows_exported", _("Refused rows downloaded"), on_timeline=False)
