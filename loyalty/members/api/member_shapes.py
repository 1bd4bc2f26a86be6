"""Fields of members that a member token can read."""

from __future__ import annotations

from core.api.shapes import picked
from loyalty.members.api import serializers as members_serializers
from loyalty.tiers.api.member_shapes import Tier

NextTier = picked("MemberNextTier", members_serializers.NextTierOut, "code", "name", "missing", "text")
Membership = picked(
    "MemberMembership",
    members_serializers.MemberOut,
    *("customer", "state", "qualifying", "currency", "enrolled_at"),
    tier=Tier(allow_null=True),
    next_tier=NextTier(allow_null=True),
)
