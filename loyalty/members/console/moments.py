"""Links and folded lines of loyalty on the timeline of a customer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.urls import reverse
from django.utils.translation import ngettext

from core.text.formatting import number
from crm.customers.models import Customer
from crm.customers.registry import tab_address
from crm.timeline.registry import FOLDS, link_events


def _redemption(_customer: Customer, payload: Mapping[str, Any]) -> str:
    return reverse("redemption", args=[payload["redemption"]])


def _points(customer: Customer, payload: Mapping[str, Any]) -> str:
    """Return the order's page for points of an order, the redemption's for its points, else the points tab."""
    if payload.get("order"):
        return reverse("order", args=[payload["order"]])
    if payload.get("redemption"):
        return _redemption(customer, payload)
    return tab_address(customer, "points", "points")


def _tier(customer: Customer, _payload: Mapping[str, Any]) -> str:
    return tab_address(customer, "membership", "tier")


link_events(
    "loyalty.reward_redeemed",
    "loyalty.reward_fulfilled",
    "loyalty.reward_cancelled",
    "loyalty.reward_failed",
    "loyalty.reward_address_seen",
    build=_redemption,
    permission="loyalty.view_rewardredemption",
)
link_events(
    "loyalty.points_earned",
    "loyalty.points_held",
    "loyalty.points_redeemed",
    "loyalty.hold_released",
    "loyalty.points_returned",
    "loyalty.points_taken_back",
    "loyalty.points_adjusted",
    "loyalty.points_sent",
    "loyalty.points_received",
    "loyalty.points_expired",
    "loyalty.points_expiring",
    build=_points,
    permission="loyalty.view_member",
)
link_events(
    "loyalty.tier_changed",
    "loyalty.tier_set",
    "loyalty.tier_released",
    "loyalty.tier_bought",
    "loyalty.tier_refunded",
    build=_tier,
    permission="loyalty.view_member",
)
link_events(
    "loyalty.task_level_reached",
    "loyalty.badge_awarded",
    build=lambda customer, _payload: tab_address(customer, "membership", "growth"),
    permission="loyalty.view_task",
)
FOLDS.register(
    "loyalty.points_held",
    lambda count: ngettext("%(count)s hold placed", "%(count)s holds placed", count) % {"count": number(count)},
)
FOLDS.register(
    "loyalty.hold_released",
    lambda count: ngettext("%(count)s hold released", "%(count)s holds released", count) % {"count": number(count)},
)
