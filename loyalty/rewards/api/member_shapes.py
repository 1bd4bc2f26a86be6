"""Fields of rewards that a member token can read."""

from __future__ import annotations

from core.api.shapes import picked
from loyalty.rewards.api import serializers as reward_serializers

RewardCategory = picked("MemberRewardCategory", reward_serializers.RewardCategoryOut, "code", "name")
Reward = picked(
    "MemberReward",
    reward_serializers.RewardOut,
    *("code", "kind", "name", "description", "picture", "points", "money", "currency", "left", "limit", "used"),
    *("minimum_tier", "starts_at", "ends_at", "needs_address", "can_redeem", "reason", "missing"),
    category=RewardCategory(allow_null=True),
)
RewardRedemption = picked(
    "MemberRewardRedemption",
    reward_serializers.RewardRedemptionOut,
    *("redemption", "reward", "name", "kind", "state", "points", "money", "currency", "reference", "tracking", "code"),
    *("placed_at", "ended_at"),
)
