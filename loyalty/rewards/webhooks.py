"""Webhook events of rewards."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from core.webhooks.registry import publish
from crm.customers.webhooks import about_customer, picking
from loyalty.rewards import events as rewards_events

_REWARD = about_customer(picking("reward", "redemption", "points"))
publish("reward.redeemed", rewards_events.REWARD_REDEEMED, _("Reward redeemed"), _REWARD)
publish(
    "reward.fulfilled",
    rewards_events.REWARD_FULFILLED,
    _("Reward delivered"),
    about_customer(picking("reward", "redemption", "tracking")),
)
publish("reward.cancelled", rewards_events.REWARD_CANCELLED, _("Reward cancelled"), _REWARD)
publish("reward.failed", rewards_events.REWARD_FAILED, _("Reward not delivered"), _REWARD)
