"""Registrations of features."""

from django.utils.translation import gettext_lazy as _

import analytics.features.events
import analytics.features.handlers
import analytics.features.webhooks  # noqa: F401
from analytics.features.services import scoring
from core.console import settings_cards
from core.jobs.services import WORK
from core.security.roles import Role, grant

WORK.register(scoring.KIND, scoring.run)
settings_cards.register(
    "scoring",
    _("Stages and RFM"),
    _("Days of the lifecycle stages and cut points of the RFM scores"),
    url="scoring",
    icon="chart-grid-dots",
    permission="analytics.add_scoringversion",
    group="customers",
    order=40,
)
grant("analytics.add_scoringversion", to=[Role.MARKETER])
