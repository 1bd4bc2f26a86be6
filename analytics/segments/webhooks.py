"""Webhook events that analytics publishes."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _

from analytics.segments import events as kinds
from core.webhooks.registry import publish
from crm.customers.webhooks import about_customer


def _segments(payload: dict[str, Any]) -> dict[str, Any]:
    """Return the segments of one computation together, because a customer may enter or leave several at once."""
    pairs = zip(payload["segments"], payload["names"], strict=True)
    return {"segments": [{"segment": segment, "name": name} for segment, name in pairs]}


publish("segment.entered", kinds.SEGMENT_ENTERED, _("Entered a segment"), about_customer(_segments))
publish("segment.left", kinds.SEGMENT_LEFT, _("Left a segment"), about_customer(_segments))
