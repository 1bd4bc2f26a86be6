"""Shapes of the tier endpoints."""

from __future__ import annotations

from rest_framework import serializers

from crm.customers.api.serializers import Minor, MinorOut
from loyalty.program.models import TierMetric
from loyalty.tiers.models import TierReason


class TierOut(serializers.Serializer):
    code = serializers.CharField()
    name = serializers.CharField(source="label")
    rank = serializers.IntegerField()


class BenefitOut(serializers.Serializer):
    kind = serializers.CharField()
    name = serializers.CharField()
    words = serializers.CharField(help_text="One line for the member.")
    details = serializers.DictField(
        help_text="Values of the kind for the storefront to work with, such as from_amount."
    )


class ProgressOut(serializers.Serializer):
    tier = serializers.CharField(help_text="The code of the next tier.")
    name = serializers.CharField()
    metric = serializers.ChoiceField(choices=TierMetric.values)
    have = serializers.IntegerField(help_text="Minor units, orders or growth value, depending on the metric.")
    need = serializers.IntegerField()
    left = serializers.IntegerField()
    by = serializers.DateField(allow_null=True, help_text="The last day of this goal. Null when no day is set.")
    text = serializers.CharField(allow_blank=True, help_text="The same as a sentence.")


class StayOut(serializers.Serializer):
    metric = serializers.ChoiceField(choices=TierMetric.values)
    have = serializers.IntegerField()
    need = serializers.IntegerField()
    left = serializers.IntegerField(help_text="0 when the tier is kept until `by`.")
    by = serializers.DateField(allow_null=True)
    text = serializers.CharField(allow_blank=True)


class MemberTierOut(serializers.Serializer):
    tier = TierOut(allow_null=True)
    since = serializers.DateTimeField(allow_null=True)
    until = serializers.DateField(
        allow_null=True, help_text="The last day on which the tier is certain with the present figures."
    )
    reason = serializers.CharField(allow_blank=True, help_text=f"Why it began: {', '.join(TierReason.values)}.")
    locked = serializers.BooleanField(help_text="Set by hand: no evaluation changes it before `until`.")
    benefits = BenefitOut(many=True)
    progress = ProgressOut(allow_null=True, help_text="Progress to the next tier; null at the top.")
    currency = serializers.CharField(help_text="Currency of the amounts here when the metric is spend.")
    stay = StayOut(
        allow_null=True, help_text="Progress to stay in the tier. Null without a tier, or while a tier is given."
    )


class BuyTierIn(serializers.Serializer):
    tier = serializers.CharField(max_length=40, help_text="The tier's code.")
    reference = serializers.CharField(
        max_length=120, help_text="The order or payment number. A full refund of that order ends the tier."
    )
    amount = Minor(required=False, help_text="The amount paid, in minor units. Without it, the price.")


class RefundTierIn(serializers.Serializer):
    reference = serializers.CharField(max_length=120, help_text="The reference of the purchase.")


class BoughtTierOut(serializers.Serializer):
    tier = serializers.CharField()
    reference = serializers.CharField()
    amount = MinorOut()
    currency = serializers.CharField()
    starts_at = serializers.DateTimeField()
    ends_at = serializers.DateTimeField()


class TierForSaleOut(serializers.Serializer):
    code = serializers.CharField(source="tier.code")
    name = serializers.CharField(source="tier.label")
    rank = serializers.IntegerField(source="tier.rank")
    price = MinorOut(source="tier.paid_price")
    currency = serializers.CharField()
    days = serializers.IntegerField(source="tier.paid_days", help_text="For how many days it is bought.")
    benefits = BenefitOut(many=True)


class ProductsIn(serializers.Serializer):
    skus = serializers.ListField(child=serializers.CharField(max_length=64), min_length=1, max_length=200)


class AllowedOut(serializers.Serializer):
    sku = serializers.CharField()
    may_buy = serializers.BooleanField()
    from_tier = serializers.CharField(
        allow_null=True, help_text="The lowest tier that may buy it. Null when everyone may."
    )
