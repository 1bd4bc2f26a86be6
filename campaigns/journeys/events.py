"""Domain events of journeys."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from core.events.bus import declare

JOURNEY_PUBLISHED = declare("campaigns.journey_published", _("Journey published"), on_timeline=False)
JOURNEY_PAUSED = declare("campaigns.journey_paused", _("Journey paused"), on_timeline=False)
JOURNEY_RESUMED = declare("campaigns.journey_resumed", _("Journey resumed"), on_timeline=False)
JOURNEY_STOPPED = declare("campaigns.journey_stopped", _("Journey stopped"), on_timeline=False)
JOURNEY_STEP_REACHED = declare("campaigns.journey_step_reached", _("A journey's step was reached"), on_timeline=False)
