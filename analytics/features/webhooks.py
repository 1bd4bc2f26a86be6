"""Webhook events of features."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from analytics.features import events as features_events
from core.webhooks.registry import publish
from crm.customers.webhooks import about_customer, picking

publish(
    "stage.changed", features_events.STAGE_CHANGED, _("Lifecycle stage changed"), about_customer(picking("from", "to"))
)
