"""Domain events of care rules."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from core.events.bus import declare

CARE_RULE_ACTIVATED = declare("campaigns.care_rule_activated", _("Care rule activated"), on_timeline=False)
CARE_RULE_PAUSED = declare("campaigns.care_rule_paused", _("Care rule paused"), on_timeline=False)
