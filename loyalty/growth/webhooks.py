"""Webhook events of growth."""

from __future__ import annotations

from collections.abc import Sequence

from django.utils.translation import gettext_lazy as _

from core.events.bus import Event
from core.webhooks.registry import Payload, publish
from crm.customers.webhooks import about_customer, picking
from loyalty.growth import events as growth_events


def _completed(events: Sequence[Event]) -> list[Payload | None]:
    """Return payloads for completed tasks.

    Only the last level completes a task; `period` is the first day of its period.
    """
    built = about_customer(picking("task", "level", "points", "growth", "period"))(events)
    return [payload if event.payload.get("completed") else None for event, payload in zip(events, built, strict=True)]


publish(
    "task.level_reached",
    growth_events.TASK_LEVEL_REACHED,
    _("Task level reached"),
    about_customer(picking("task", "level", "points", "growth", "period")),
)
publish("task.completed", growth_events.TASK_LEVEL_REACHED, _("Task completed"), _completed)
publish("badge.awarded", growth_events.BADGE_AWARDED, _("Badge awarded"), about_customer(picking("badge")))
