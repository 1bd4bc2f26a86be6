"""Domain events of experiments."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from core.events.bus import declare

EXPERIMENT_STARTED = declare("campaigns.experiment_started", _("Experiment started"), on_timeline=False)
EXPERIMENT_ENDED = declare("campaigns.experiment_ended", _("Experiment ended"), on_timeline=False)
