"""Fields of the membership that a member's token may read: no reason codes, notes, actors or rules for segments.

`tests/api/member_fields.txt` lists every field and is reviewed with each change.
"""

from __future__ import annotations

from rest_framework import serializers

from core.api.shapes import picked
from loyalty.api import earning_serializers, growth_serializers, reward_serializers, tier_serializers
from loyalty.api import serializers as points

Tier = picked("MemberTierName", points.TierOut, "code", "name", "rank")
NextTier = picked("MemberNextTier", points.NextTierOut, "code", "name", "missing", "text")
Membership = picked(
    "MemberMembership",
    points.MemberOut,
    *("customer", "state", "qualifying", "currency", "enrolled_at"),
    tier=Tier(allow_null=True),
    next_tier=NextTier(allow_null=True),
)
DatedPoints = picked("MemberDatedPoints", points.DatedPointsOut, "points", "at")
Balance = picked(
    "MemberBalance",
    points.BalanceOut,
    *("available", "pending", "held", "balance", "debt", "worth", "currency"),
    becoming_available=DatedPoints(many=True),
    expiring=DatedPoints(many=True),
)


class HistoryEntry(serializers.Serializer):
    """One change of points in the words that the member reads."""

    id = serializers.IntegerField()
    kind = serializers.CharField(help_text="Stable; use it for an icon or a filter.")
    text = serializers.CharField(help_text="The change in words.")
    available = serializers.IntegerField(help_text="Change of the available points.")
    pending = serializers.IntegerField()
    held = serializers.IntegerField()
    debt = serializers.IntegerField()
    balance = serializers.IntegerField(help_text="available + held after the change.")
    reference = serializers.CharField(
        allow_blank=True,
        help_text="The order number, the name of a task or reward, or the text that the shop wrote for the member.",
    )
    occurred_at = serializers.DateTimeField()


class Earned(serializers.Serializer):
    point_type = serializers.CharField()
    points = serializers.IntegerField()


Quote = picked(
    "MemberQuote",
    points.QuoteOut,
    *("points_available", "points_usable", "amount", "price_after", "currency", "points_earned"),
    *("free_shipping", "free_shipping_from"),
    earned=Earned(many=True, help_text="The earned points by point type."),
)
Transfer = picked("MemberTransfer", points.TransferOut, "transfer", "points", "to", "available")

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

PointType = picked("MemberPointType", earning_serializers.PointTypeOut, "code", "name", "spendable")
Limit = picked("MemberLimit", earning_serializers.LimitOut, "period", "points")
# Without the name, which is for the shop's own use: `text` says the whole rule.
EarningRule = picked(
    "MemberEarningRule",
    earning_serializers.EarningRuleOut,
    *("code", "text", "trigger", "event_kind", "points", "per_amount", "currency", "stacking", "factor"),
    *("streak_days", "starts_at", "ends_at"),
    point_type=PointType(),
    limits=Limit(many=True),
)

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

LevelBadge = picked("MemberLevelBadge", growth_serializers.LevelBadgeOut, "code", "name")
TaskLevel = picked(
    "MemberTaskLevel",
    growth_serializers.TaskLevelOut,
    *("level", "goal", "points", "growth", "reached"),
    badge=LevelBadge(allow_null=True),
)
NextLevel = picked("MemberNextLevel", growth_serializers.NextLevelOut, "level", "goal", "left")
Task = picked(
    "MemberTask",
    growth_serializers.TaskOut,
    *("code", "name", "description", "icon", "season", "measure", "currency", "period", "starts_at", "ends_at"),
    *("until", "join", "joined", "count", "level", "completed"),
    next=NextLevel(allow_null=True),
    levels=TaskLevel(many=True),
)
Badge = picked("MemberBadge", growth_serializers.BadgeOut, "code", "name", "description", "icon", "awarded_at")
Place = picked("MemberPlace", growth_serializers.PlaceOut, "rank", "name", "points", "own")
Leaderboard = picked(
    "MemberLeaderboard",
    growth_serializers.LeaderboardOut,
    *("by", "window", "season", "starts_at", "ends_at"),
    places=Place(many=True),
    own=Place(allow_null=True),
)
LeaderboardName = picked("MemberLeaderboardName", growth_serializers.LeaderboardNameOut, "name")
