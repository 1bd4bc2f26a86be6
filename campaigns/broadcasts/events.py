"""Domain events of broadcasts."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from core.events.bus import declare

BROADCAST_SCHEDULED = declare("campaigns.broadcast_scheduled", _("Broadcast scheduled"), on_timeline=False)
BROADCAST_PAUSED = declare("campaigns.broadcast_paused", _("Broadcast paused"), on_timeline=False)
BROADCAST_RESUMED = declare("campaigns.broadcast_resumed", _("Broadcast resumed"), on_timeline=False)
BROADCAST_STOPPED = declare("campaigns.broadcast_stopped", _("Broadcast stopped"), on_timeline=False)
BROADCAST_FINISHED = declare("campaigns.broadcast_finished", _("Broadcast finished"), on_timeline=False)
