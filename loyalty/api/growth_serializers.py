"""Shapes of tasks, badges and the leaderboard."""

from __future__ import annotations

from rest_framework import serializers

from loyalty.leaderboard import BY, WINDOWS
from loyalty.models import Measure, Period


class LevelBadgeOut(serializers.Serializer):
    code = serializers.CharField()
    name = serializers.CharField()


class TaskLevelOut(serializers.Serializer):
    level = serializers.IntegerField()
    goal = serializers.IntegerField(help_text="Times, minor units or days in a row, by the task's measure.")
    points = serializers.IntegerField()
    growth = serializers.IntegerField(help_text="Growth value.")
    badge = LevelBadgeOut(allow_null=True)
    reached = serializers.BooleanField()


class NextLevelOut(serializers.Serializer):
    level = serializers.IntegerField()
    goal = serializers.IntegerField()
    left = serializers.IntegerField(help_text="What is still missing.")


class TaskOut(serializers.Serializer):
    code = serializers.CharField()
    name = serializers.CharField()
    description = serializers.CharField()
    icon = serializers.CharField(help_text="The name of a Tabler icon.")
    season = serializers.CharField(allow_blank=True, help_text="Of a seasonal challenge.")
    measure = serializers.ChoiceField(choices=Measure.values)
    currency = serializers.CharField(allow_null=True, help_text="Of the goals, where an amount is measured.")
    period = serializers.ChoiceField(choices=Period.values, help_text="When progress starts anew.")
    starts_at = serializers.DateTimeField(allow_null=True)
    ends_at = serializers.DateTimeField(allow_null=True)
    until = serializers.DateTimeField(
        allow_null=True, help_text="When this progress starts anew or the task ends, whichever comes first."
    )
    join = serializers.BooleanField(help_text="It counts only after the member joined it.")
    joined = serializers.BooleanField(help_text="True where nothing has to be joined.")
    count = serializers.IntegerField(help_text="How far the member is.")
    level = serializers.IntegerField(help_text="The level reached; 0 is none.")
    completed = serializers.BooleanField()
    next = NextLevelOut(allow_null=True)
    levels = TaskLevelOut(many=True)


class BadgeOut(serializers.Serializer):
    code = serializers.CharField()
    name = serializers.CharField()
    description = serializers.CharField()
    icon = serializers.CharField(help_text="The name of a Tabler icon.")
    awarded_at = serializers.DateTimeField(allow_null=True, help_text="Null: not yet.")


class LeaderboardIn(serializers.Serializer):
    by = serializers.ChoiceField(choices=BY, default="points")
    window = serializers.ChoiceField(choices=WINDOWS, default="month")
    season = serializers.CharField(
        max_length=80,
        required=False,
        default="",
        allow_blank=True,
        help_text="Its name, for the window `season`; left out is the one that ends first.",
    )
    member = serializers.CharField(
        max_length=20, required=False, default="", allow_blank=True, help_text="Whose own place is wanted, by number."
    )


class PlaceOut(serializers.Serializer):
    rank = serializers.IntegerField(allow_null=True, help_text="Equal points, equal rank. Null: nothing earned yet.")
    name = serializers.CharField(help_text="The name that the member chose for it.")
    points = serializers.IntegerField(help_text="Earned in the window, less what refunds took back.")
    own = serializers.BooleanField()


class LeaderboardOut(serializers.Serializer):
    by = serializers.ChoiceField(choices=BY)
    window = serializers.ChoiceField(choices=WINDOWS)
    season = serializers.CharField(allow_blank=True)
    starts_at = serializers.DateTimeField()
    ends_at = serializers.DateTimeField(allow_null=True)
    places = PlaceOut(many=True, help_text="The first hundred.")
    own = PlaceOut(allow_null=True, help_text="Null for who is not on it.")


class LeaderboardNameIn(serializers.Serializer):
    name = serializers.CharField(max_length=40, allow_blank=True, help_text="Empty takes the member off.")


class LeaderboardNameOut(serializers.Serializer):
    name = serializers.CharField(allow_blank=True)
