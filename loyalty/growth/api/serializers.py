"""Shapes of tasks, badges and the leaderboard."""

from __future__ import annotations

from rest_framework import serializers

from loyalty.growth.models import Measure, Period
from loyalty.growth.selectors.leaderboard import BY, WINDOWS


class LevelBadgeOut(serializers.Serializer):
    code = serializers.CharField()
    name = serializers.CharField()


class TaskLevelOut(serializers.Serializer):
    level = serializers.IntegerField()
    goal = serializers.IntegerField(help_text="Times, minor units or days in a row, depending on the task's measure.")
    points = serializers.IntegerField()
    growth = serializers.IntegerField(help_text="Growth value.")
    badge = LevelBadgeOut(allow_null=True)
    reached = serializers.BooleanField()


class NextLevelOut(serializers.Serializer):
    level = serializers.IntegerField()
    goal = serializers.IntegerField()
    left = serializers.IntegerField(help_text="How much is still missing.")


class TaskOut(serializers.Serializer):
    code = serializers.CharField()
    name = serializers.CharField()
    description = serializers.CharField()
    icon = serializers.CharField(help_text="The name of a Tabler icon.")
    season = serializers.CharField(allow_blank=True, help_text="Season of a seasonal challenge.")
    measure = serializers.ChoiceField(choices=Measure.values)
    currency = serializers.CharField(
        allow_null=True, help_text="Currency of the goals when the task measures an amount."
    )
    period = serializers.ChoiceField(choices=Period.values, help_text="When progress starts again from 0.")
    starts_at = serializers.DateTimeField(allow_null=True)
    ends_at = serializers.DateTimeField(allow_null=True)
    until = serializers.DateTimeField(
        allow_null=True, help_text="When this progress starts again from 0 or the task ends, whichever comes first."
    )
    join = serializers.BooleanField(help_text="Progress counts only after the member has joined.")
    joined = serializers.BooleanField(help_text="True when the task needs no joining.")
    count = serializers.IntegerField(help_text="The member's progress.")
    level = serializers.IntegerField(help_text="The level reached; 0 is none.")
    completed = serializers.BooleanField()
    next = NextLevelOut(allow_null=True)
    levels = TaskLevelOut(many=True)


class BadgeOut(serializers.Serializer):
    code = serializers.CharField()
    name = serializers.CharField()
    description = serializers.CharField()
    icon = serializers.CharField(help_text="The name of a Tabler icon.")
    awarded_at = serializers.DateTimeField(allow_null=True, help_text="Null when not awarded yet.")


class LeaderboardIn(serializers.Serializer):
    by = serializers.ChoiceField(choices=BY, default="points")
    window = serializers.ChoiceField(choices=WINDOWS, default="month")
    season = serializers.CharField(
        max_length=80,
        required=False,
        default="",
        allow_blank=True,
        help_text="Name of the season for the window `season`. Without it, the season that ends first.",
    )
    member = serializers.CharField(
        max_length=20,
        required=False,
        default="",
        allow_blank=True,
        help_text="Number of the customer whose own place is returned.",
    )


class PlaceOut(serializers.Serializer):
    rank = serializers.IntegerField(
        allow_null=True, help_text="Members with equal points share a rank. Null when nothing was earned yet."
    )
    name = serializers.CharField(help_text="The name that the member chose for the leaderboard.")
    points = serializers.IntegerField(help_text="Earned in the window, less what refunds took back.")
    own = serializers.BooleanField()


class LeaderboardOut(serializers.Serializer):
    by = serializers.ChoiceField(choices=BY)
    window = serializers.ChoiceField(choices=WINDOWS)
    season = serializers.CharField(allow_blank=True)
    starts_at = serializers.DateTimeField()
    ends_at = serializers.DateTimeField(allow_null=True)
    places = PlaceOut(many=True, help_text="The first hundred places.")
    own = PlaceOut(allow_null=True, help_text="Null when the member is not on the leaderboard.")


class LeaderboardNameIn(serializers.Serializer):
    name = serializers.CharField(max_length=40, allow_blank=True, help_text="An empty name takes the member off.")


class LeaderboardNameOut(serializers.Serializer):
    name = serializers.CharField(allow_blank=True)
