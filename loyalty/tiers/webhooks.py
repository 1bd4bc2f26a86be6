"""Webhook events of tiers."""

from __future__ import annotations

from collections.abc import Sequence

from django.utils.translation import gettext_lazy as _

from core.events.bus import Event
from core.webhooks.registry import Payload, publish
from crm.customers.webhooks import numbers_of
from loyalty.tiers import events as tiers_events
from loyalty.tiers.models import Tier


def _tiers(events: Sequence[Event]) -> list[Payload | None]:
    """Return the payloads of tier changes.

    `from` and `to` are the tiers' names at that time, null below the first tier. `tier` is the new tier's code,
    `reason` a value of TierReason.
    """
    numbers = numbers_of(events)
    ids = {event.payload.get("tier") for event in events} - {None}
    codes = dict(Tier.objects.filter(pk__in=ids).values_list("pk", "code"))
    return [
        {
            "customer": numbers[event.subject_id],
            "tier": codes.get(event.payload.get("tier") or 0),
            "from": event.payload.get("from"),
            "to": event.payload.get("to"),
            "up": event.payload.get("up"),
            "reason": event.payload.get("reason", ""),
        }
        if event.subject_id and event.subject_id in numbers
        else None
        for event in events
    ]


publish("tier.changed", tiers_events.TIER_CHANGED, _("Tier changed"), _tiers)
