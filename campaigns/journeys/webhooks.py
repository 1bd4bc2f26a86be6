"""Webhook events of journeys."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from campaigns.journeys import events as journeys_events
from core.webhooks.registry import publish
from crm.customers.webhooks import about_customer, picking

publish(
    "journey.step_reached",
    journeys_events.JOURNEY_STEP_REACHED,
    _("A journey's step was reached"),
    about_customer(picking("journey", "name", "step", "run")),
)
