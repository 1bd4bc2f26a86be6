"""Fields of tiers that a member token can read."""

from __future__ import annotations

from core.api.shapes import picked
from loyalty.tiers.api import serializers as tier_serializers

Tier = picked("MemberTierName", tier_serializers.TierOut, "code", "name", "rank")
Benefit = picked("MemberBenefit", tier_serializers.BenefitOut, "kind", "name", "words")
GOAL = ("metric", "have", "need", "left", "by", "text")
Progress = picked("MemberProgress", tier_serializers.ProgressOut, "tier", "name", *GOAL)
Stay = picked("MemberStay", tier_serializers.StayOut, *GOAL)
TierStanding = picked(
    "MemberTierStanding",
    tier_serializers.MemberTierOut,
    *("since", "until", "currency"),
    tier=Tier(allow_null=True),
    benefits=Benefit(many=True),
    progress=Progress(allow_null=True),
    stay=Stay(allow_null=True),
)
TierForSale = picked(
    "MemberTierForSale",
    tier_serializers.TierForSaleOut,
    *("code", "name", "rank", "price", "currency", "days"),
    benefits=Benefit(many=True),
)
Allowed = picked("MemberAllowed", tier_serializers.AllowedOut, "sku", "may_buy", "from_tier")
