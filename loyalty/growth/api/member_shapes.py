"""Fields of growth that a member token can read."""

from __future__ import annotations

from core.api.shapes import picked
from loyalty.growth.api import serializers as growth_serializers

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
