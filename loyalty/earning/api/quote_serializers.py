"""Quote serializers of earning."""

from __future__ import annotations

from rest_framework import serializers

from crm.customers.api.serializers import Minor, MinorOut


class QuoteLineIn(serializers.Serializer):
    sku = serializers.CharField(max_length=64)
    amount = Minor(help_text="Amount after the discount, in minor units.")


class QuoteIn(serializers.Serializer):
    amount = Minor(help_text="Amount of the goods in the cart, in minor units.")
    lines = QuoteLineIn(
        many=True,
        required=False,
        default=list,
        max_length=500,
        help_text="Needed for rules about categories and products.",
    )
    channel = serializers.CharField(max_length=40, required=False, default="", allow_blank=True)
    store = serializers.CharField(
        max_length=40,
        required=False,
        default="",
        allow_blank=True,
        help_text="The store's code. Without it, the default store.",
    )


class EarnedOut(serializers.Serializer):
    rule = serializers.CharField()
    name = serializers.CharField()
    point_type = serializers.CharField()
    points = serializers.IntegerField()
    cut = serializers.IntegerField(help_text="Points that a limit of the rule holds back.")


class QuoteOut(serializers.Serializer):
    points_available = serializers.IntegerField()
    points_usable = serializers.IntegerField()
    amount = MinorOut(help_text="Amount that the usable points pay, in minor units.")
    price_after = MinorOut(help_text="Amount left to pay, in minor units.")
    currency = serializers.CharField(help_text="Currency of the amounts here.")
    points_earned = serializers.IntegerField(help_text="Points for the amount left to pay, by all rules.")
    earned = EarnedOut(many=True, help_text="The earned points by rule, in every point type.")
    free_shipping = serializers.BooleanField(help_text="The member's tier ships this cart for free.")
    free_shipping_from = MinorOut(
        allow_null=True,
        help_text="The cart amount from which shipping is free, in minor units. Null when the "
        "tier has no free shipping.",
    )
