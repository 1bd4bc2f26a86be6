"""Request and response bodies of the API of activity."""

from __future__ import annotations

from rest_framework import serializers

from crm.customers.api.serializers import IdentityIn


class ActivityItemIn(serializers.Serializer):
    id = serializers.CharField(
        max_length=80, help_text="Your own id, unique per source, so sending an event again is harmless."
    )
    kind = serializers.RegexField(
        r"^[a-z][a-z0-9_]{0,39}\Z", help_text="view, search, cart, share, review, check_in, or one of your own."
    )
    occurred_at = serializers.DateTimeField()
    customer = serializers.CharField(max_length=20, required=False, help_text="The customer's number.")
    identity = IdentityIn(required=False)
    anonymous_id = serializers.CharField(max_length=80, required=False)
    sku = serializers.CharField(max_length=64, required=False)
    properties = serializers.DictField(
        required=False,
        help_text="Facts of the event. Messages of journeys show the product with `url`, or the list `items`, each "
        "with `sku`, `name`, `price` (major units), `quantity` and `url`.",
    )


class ActivityBatchIn(serializers.Serializer):
    events = ActivityItemIn(many=True, min_length=1, max_length=1000)


class ActivityBatchOut(serializers.Serializer):
    accepted = serializers.IntegerField()
    repeated = serializers.IntegerField()
