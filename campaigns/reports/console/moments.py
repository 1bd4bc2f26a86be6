"""Journeys, links and folded lines of campaigns on the timeline of a customer."""

from __future__ import annotations

from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from campaigns.journeys.models import JourneyRun
from core.text.formatting import number
from crm.customers.models import Customer
from crm.timeline.registry import FOLDS, SOURCES, Before, Moment, TimelineFilter, TimelineSource, link_events
from crm.timeline.selectors.timeline import older


def journeys(customer: Customer, before: Before | None, limit: int, _chosen: TimelineFilter | None) -> list[Moment]:
    """Return the journeys that the customer entered."""
    runs = JourneyRun.objects.filter(customer=customer).select_related("journey")
    return [
        Moment(
            at=run.entered_at,
            id=run.pk,
            title=_("Journey entered"),
            icon="route",
            detail=run.journey.name,
            url=reverse("journey_run", args=[run.pk]),
        )
        for run in older(runs, before, "entered_at")[:limit]
    ]


SOURCES.register("journeys", TimelineSource(journeys, "campaigns.view_journeyrun"))
link_events(
    "campaigns.message_sent",
    "campaigns.message_clicked",
    build=lambda _customer, payload: reverse("message", args=[payload["message"]]),
    permission="campaigns.view_message",
)
link_events(
    "campaigns.coupon_issued",
    "campaigns.coupon_redeemed",
    "campaigns.coupon_released",
    build=lambda _customer, payload: reverse("coupon", args=[payload["coupon"]]),
    permission="campaigns.view_coupon",
)
FOLDS.register(
    "campaigns.message_clicked",
    lambda count: ngettext("%(count)s link followed", "%(count)s links followed", count) % {"count": number(count)},
)
