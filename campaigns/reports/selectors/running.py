"""Read the campaigns that run now or ended lately, with the steps from sent to ordered."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.db.models import Q

from campaigns.broadcasts.models import Broadcast, BroadcastState
from campaigns.care.models import CareRule, CareState
from campaigns.journeys.models import Journey, JourneyState
from campaigns.reports.selectors.campaigns import campaign_of
from campaigns.reports.selectors.figures import count_figures
from core.base import clock

ENDED_DAYS = 14
SHOWN = 12


def running_campaigns() -> list[dict[str, Any]]:
    """Return the newest running campaigns with their figures, in a form that can be kept."""
    since = clock.now() - timedelta(days=ENDED_DAYS)
    moving = Q(state__in=[BroadcastState.SENDING, BroadcastState.PAUSED])
    ended = Q(state=BroadcastState.DONE, finished_at__gte=since)
    broadcasts = Broadcast.objects.filter(moving | ended).order_by("-starts_at", "-pk")[:SHOWN]
    journeys = Journey.objects.filter(state__in=[JourneyState.RUNNING, JourneyState.PAUSED]).order_by("-started_at")
    rules = CareRule.objects.filter(state=CareState.ACTIVE).order_by("-activated_at", "-pk")
    rows: list[Any] = [*broadcasts, *journeys[:SHOWN], *rules[:SHOWN]][:SHOWN]
    campaigns = [campaign_of(row) for row in rows]
    figures = count_figures(campaigns)
    return [
        {
            "origin": campaign.origin,
            "name": campaign.name,
            "state": row.state,
            "days": campaign.days,
            "sent": (own := figures[campaign.origin]).sent,
            "trackable": own.trackable,
            "opened": own.opened,
            "clicked": own.clicked,
            "ordered": own.ordered,
        }
        for row, campaign in zip(rows, campaigns, strict=True)
    ]
