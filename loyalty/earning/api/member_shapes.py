"""Fields of earning that a member token can read."""

from __future__ import annotations

from rest_framework import serializers

from core.api.shapes import picked
from loyalty.earning.api import quote_serializers as earning_quote_serializers
from loyalty.earning.api import serializers as earning_serializers


class Earned(serializers.Serializer):
    point_type = serializers.CharField()
    points = serializers.IntegerField()


Quote = picked(
    "MemberQuote",
    earning_quote_serializers.QuoteOut,
    *("points_available", "points_usable", "amount", "price_after", "currency", "points_earned"),
    *("free_shipping", "free_shipping_from"),
    earned=Earned(many=True, help_text="The earned points by point type."),
)
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
