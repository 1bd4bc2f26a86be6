"""Shapes of the segment endpoints."""

from __future__ import annotations

from rest_framework import serializers

from analytics.conditions.rules.query_tokens import MAX_LENGTH
from analytics.segments.models import SegmentKind

MOST_AT_ONCE = 1000
TEXT_HELP = (
    'The rule in the query language of the segment editor, such as `tier >= "Gold" and not (bought in 30 days)`.'
)


class SegmentOut(serializers.Serializer):
    id = serializers.IntegerField()
    name = serializers.CharField()
    description = serializers.CharField()
    kind = serializers.ChoiceField(choices=SegmentKind.values, help_text="`static`: a fixed list without a rule.")
    text = serializers.CharField(help_text="The rule in the query language; empty for a fixed list.", allow_blank=True)
    size = serializers.IntegerField(help_text="Number of customers at `computed_at`.")
    computed_at = serializers.DateTimeField(allow_null=True, help_text="Null: not computed yet.")


class SegmentDetailOut(SegmentOut):
    rule = serializers.DictField(allow_null=True, help_text="The same rule as a tree; null for a fixed list.")
    unknown_skus = serializers.ListField(
        child=serializers.CharField(),
        help_text="SKUs in the rule that no product has. This is a warning, not an error.",
    )


class SegmentChangeIn(serializers.Serializer):
    name = serializers.CharField(max_length=120, required=False)
    description = serializers.CharField(max_length=400, required=False, allow_blank=True)
    text = serializers.CharField(
        max_length=MAX_LENGTH, required=False, trim_whitespace=False, help_text=TEXT_HELP + " Instead of `rule`."
    )
    rule = serializers.DictField(required=False, help_text="The rule as a tree. Instead of `text`.")


class SegmentIn(SegmentChangeIn):
    name = serializers.CharField(max_length=120)
    kind = serializers.ChoiceField(
        choices=SegmentKind.values,
        required=False,
        default=SegmentKind.RULE,
        help_text="`static`: a fixed list, which starts empty.",
    )


class SegmentMemberOut(serializers.Serializer):
    customer = serializers.CharField(source="customer.number")
    entered_at = serializers.DateTimeField()


class MembershipOut(serializers.Serializer):
    segment = serializers.IntegerField(source="segment_id")
    name = serializers.CharField(source="segment.name")
    entered_at = serializers.DateTimeField()


class ListedIn(serializers.Serializer):
    customers = serializers.ListField(
        child=serializers.CharField(max_length=20), min_length=1, max_length=MOST_AT_ONCE, help_text="Customer numbers."
    )


class AddedOut(serializers.Serializer):
    added = serializers.IntegerField()
    already = serializers.IntegerField(help_text="Customers that were in the list before.")
    unknown = serializers.ListField(
        child=serializers.CharField(), help_text="Numbers without an active customer, as they were sent."
    )
    size = serializers.IntegerField(help_text="Customers in the list now.")


class RemovedOut(serializers.Serializer):
    removed = serializers.IntegerField()
    absent = serializers.IntegerField(help_text="Customers that were not in the list.")
    unknown = serializers.ListField(child=serializers.CharField(), help_text="Numbers without a customer.")
    size = serializers.IntegerField(help_text="Customers in the list now.")
