"""Shapes of the customer, order, activity and ticket endpoints. Amounts are minor units (fen, cents) everywhere."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

from rest_framework import serializers

from core.api.schema import ErrorItem
from crm.customers.api.serializers import LARGEST, CustomerRef, Minor, MinorOut
from crm.orders.models import LineKind, OrderState, Product
from crm.orders.selectors.pictures import product_picture_path


class SpentOut(serializers.Serializer):
    currency = serializers.CharField()
    orders = serializers.IntegerField(help_text="Paid orders that were not fully returned.")
    amount = serializers.IntegerField(help_text="Minor units, net of refunds and with the adjustments.")
    adjusted = serializers.IntegerField(
        help_text="The part that belongs to no order, in minor units; negative when it was given back."
    )
    last_order_at = serializers.DateTimeField(source="last_at", allow_null=True)


class SpendAdjustmentOut(serializers.Serializer):
    source = serializers.CharField()
    reference = serializers.CharField()
    item = serializers.CharField()
    amount = serializers.IntegerField(help_text="Minor units.")
    currency = serializers.CharField()
    occurred_at = serializers.DateTimeField()


class SpendOut(serializers.Serializer):
    currencies = SpentOut(many=True)
    adjustments = SpendAdjustmentOut(many=True)


_QUANTITY = re.compile(r"-?[0-9]{1,9}(?:\.[0-9]{1,3})?", re.ASCII)
LARGEST_UNIT = 10**12 - 1
_LINE_TEXTS = (("sku", 64), ("name", 300), ("category", 200))
_LINE_KINDS = frozenset(LineKind.values)


class Lines(serializers.ListSerializer):
    """Validates plain lines at a tenth of the usual cost: a batch may have a hundred thousand lines.

    Lines that are not plain are validated in the usual way. So is a list with a wrong line, so that each error names
    its place.
    """

    def to_internal_value(self, data):
        if type(data) is list and (self.min_length or 0) <= len(data) <= (self.max_length or 0):
            plain = [_plain_line(item) for item in data]
            if None not in plain:
                return plain
        return super().to_internal_value(data)


def _plain_line(item: Any) -> dict[str, Any] | None:
    """Return the values that LineIn makes of an item, or None when only LineIn can decide."""
    if type(item) is not dict:
        return None
    kind = item.get("kind", LineKind.PRODUCT.value)
    discount = item.get("discount", 0)
    if type(kind) is not str or kind not in _LINE_KINDS or type(discount) is not int or not 0 <= discount <= LARGEST:
        return None
    line: dict[str, Any] = {"kind": kind}
    for name, longest in _LINE_TEXTS:
        if name in item:
            text = item[name]
            if type(text) is not str or len(text) > longest or "\0" in text:
                return None
            line[name] = text.strip()
    number = item.get("quantity")
    if type(number) not in (int, str, float) or not _QUANTITY.fullmatch(written := str(number)):
        return None
    line["quantity"] = Decimal(written)
    unit = item.get("unit_amount")
    if type(unit) is not int or not 0 <= unit <= LARGEST_UNIT:
        return None
    line["unit_amount"] = unit
    line["discount"] = discount
    if "amount" in item:
        amount = item["amount"]
        if type(amount) is not int or not 0 <= amount <= LARGEST:
            return None
        line["amount"] = amount
    return line


class LineIn(serializers.Serializer):
    kind = serializers.ChoiceField(choices=LineKind.choices, default=LineKind.PRODUCT)
    sku = serializers.CharField(max_length=64, required=False, allow_blank=True)
    name = serializers.CharField(max_length=300, required=False, allow_blank=True)
    category = serializers.CharField(max_length=200, required=False, allow_blank=True)
    quantity = serializers.DecimalField(max_digits=12, decimal_places=3)
    unit_amount = Minor(max_value=LARGEST_UNIT, help_text="Price of one, in minor units of the order's currency.")
    discount = Minor(default=0)
    amount = Minor(required=False, help_text="Amount after the discount; checked when it is sent.")

    class Meta:
        list_serializer_class = Lines


class PaymentIn(serializers.Serializer):
    method = serializers.CharField(max_length=40)
    amount = Minor()
    reference = serializers.CharField(max_length=120, required=False, allow_blank=True)
    paid_at = serializers.DateTimeField(required=False)


class OrderIn(serializers.Serializer):
    number = serializers.RegexField(
        r"^[^/\x00-\x1f]{1,64}\Z", help_text="Unique per source, so sending an order again is harmless."
    )
    customer = CustomerRef(required=False, help_text="Omit it for a guest.")
    state = serializers.ChoiceField(choices=OrderState.choices, default=OrderState.PAID)
    placed_at = serializers.DateTimeField()
    paid_at = serializers.DateTimeField(required=False)
    currency = serializers.CharField(max_length=3, required=False)
    store = serializers.CharField(max_length=40, required=False)
    channel = serializers.CharField(max_length=40, required=False, allow_blank=True)
    lines = LineIn(many=True, min_length=1, max_length=1000)
    discount = Minor(default=0)
    points_amount = Minor(default=0, help_text="The part paid with points.")
    shipping = Minor(default=0)
    tax = Minor(default=0)
    fees = Minor(default=0)
    total = Minor(required=False, help_text="Checked against its parts when it is sent.")
    payments = PaymentIn(many=True, required=False, max_length=20)


class OrderOut(serializers.Serializer):
    number = serializers.CharField()
    source = serializers.CharField()
    state = serializers.CharField()
    customer = serializers.SerializerMethodField(help_text="The customer's number; null for a guest.")
    currency = serializers.CharField()
    subtotal = MinorOut()
    discount = MinorOut()
    points_amount = MinorOut()
    shipping = MinorOut()
    tax = MinorOut()
    fees = MinorOut()
    total = MinorOut()
    refunded = MinorOut()
    placed_at = serializers.DateTimeField()
    paid_at = serializers.DateTimeField(allow_null=True)

    def get_customer(self, order) -> str | None:
        return order.customer.number if order.customer_id else None


class OrderRecordedOut(OrderOut):
    outcome = serializers.ChoiceField(choices=["created", "updated", "unchanged"])


class OrderBatchIn(serializers.Serializer):
    orders = OrderIn(
        many=True, min_length=1, max_length=100, help_text="1 to 100 orders of at most 1,000 lines each; 32 MB in all."
    )


class OrderBatchItem(serializers.Serializer):
    number = serializers.CharField()
    outcome = serializers.ChoiceField(choices=["created", "updated", "unchanged", "refused"])
    errors = ErrorItem(many=True)


class OrderBatchOut(serializers.Serializer):
    results = OrderBatchItem(many=True)


class RefundLineIn(serializers.Serializer):
    position = serializers.IntegerField(min_value=1, max_value=1000)
    quantity = serializers.DecimalField(max_digits=12, decimal_places=3)


class RefundIn(serializers.Serializer):
    """Refund by lines, by amount, or of the whole rest when neither is given."""

    number = serializers.CharField(max_length=64)
    amount = Minor(required=False, min_value=1)
    lines = RefundLineIn(many=True, required=False, max_length=1000)
    reason = serializers.CharField(max_length=200, required=False, allow_blank=True)
    refunded_at = serializers.DateTimeField(required=False)


class RefundOut(serializers.Serializer):
    number = serializers.CharField()
    amount = MinorOut()
    reason = serializers.CharField()
    refunded_at = serializers.DateTimeField()


class RefundRecordedOut(RefundOut):
    outcome = serializers.ChoiceField(choices=["created", "unchanged"])


class _Tags(serializers.ListField):
    child = serializers.CharField(max_length=40)

    def __init__(self, **options: Any) -> None:
        super().__init__(max_length=20, **options)


class ProductIn(serializers.Serializer):
    sku = serializers.CharField(max_length=64)
    name = serializers.CharField(max_length=300, required=False, allow_blank=True)
    category = serializers.CharField(max_length=200, required=False, allow_blank=True)
    brand = serializers.CharField(max_length=120, required=False, allow_blank=True)
    price = Minor(required=False, allow_null=True, help_text="In minor units of the default store's currency.")
    active = serializers.BooleanField(default=True)
    name_zh = serializers.CharField(max_length=300, required=False, allow_blank=True)
    description = serializers.CharField(max_length=10_000, required=False, allow_blank=True)
    description_zh = serializers.CharField(max_length=10_000, required=False, allow_blank=True)
    tags = _Tags(required=False, help_text="At most 20 tags of 40 characters. Without them the stored ones stay.")
    tags_zh = _Tags(required=False)
    url = serializers.CharField(
        max_length=500, required=False, allow_blank=True, help_text="The product's page: an http or https address."
    )
    picture_url = serializers.CharField(
        max_length=500, required=False, allow_blank=True, help_text="A picture of another site: http or https."
    )
    cost = Minor(required=False, allow_null=True, min_value=0, help_text="In minor units, like the price.")


class ProductBatchIn(serializers.Serializer):
    products = ProductIn(many=True, min_length=1, max_length=1000)


class ProductBatchOut(serializers.Serializer):
    saved = serializers.IntegerField()


class ProductOut(serializers.Serializer):
    sku = serializers.CharField()
    name = serializers.CharField()
    category = serializers.CharField()
    brand = serializers.CharField()
    price = MinorOut(allow_null=True, help_text="In minor units of the default store's currency.")
    active = serializers.BooleanField()
    name_zh = serializers.CharField()
    description = serializers.CharField()
    description_zh = serializers.CharField()
    tags = serializers.ListField(child=serializers.CharField())
    tags_zh = serializers.ListField(child=serializers.CharField())
    url = serializers.CharField()
    picture = serializers.SerializerMethodField(help_text="The stored picture, else `picture_url`; may be empty.")
    picture_url = serializers.CharField()
    cost = MinorOut(allow_null=True, help_text="In minor units, like the price.")

    def get_picture(self, product: Product) -> str:
        path = product_picture_path(product)
        request = self.context.get("request")
        return request.build_absolute_uri(path) if path and request else path or product.picture_url
