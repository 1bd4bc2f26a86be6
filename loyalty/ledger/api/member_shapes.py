"""Fields of the membership that a member's token may read: no reason codes, notes, actors or rules for segments.

`tests/api/member_fields.txt` lists every field and is reviewed with each change.
"""

from __future__ import annotations

from rest_framework import serializers

from core.api.shapes import picked
from loyalty.ledger.api import serializers as points

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


Transfer = picked("MemberTransfer", points.TransferOut, "transfer", "points", "to", "available")
