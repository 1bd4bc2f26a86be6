"""Shapes of the customer, order, activity and ticket endpoints. Amounts are minor units (fen, cents) everywhere."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from core.api.schema import ErrorItem
from crm.api.authentication import LONGEST_SECONDS
from crm.models import (
    Channel,
    ConsentDecision,
    Gender,
    IdentityKind,
    LineKind,
    OrderState,
    Purpose,
    TicketPriority,
    TicketStatus,
)
from crm.rules.identities import mask

LARGEST = 2**53
WHOLE = re.compile(r"-?[0-9]{1,19}", re.ASCII)


class Whole(serializers.IntegerField):
    """A whole number. As text it may contain only the digits 0 to 9: no full-width digits, underscores or blanks."""

    def to_internal_value(self, data):
        if isinstance(data, str) and not WHOLE.fullmatch(data):
            self.fail("invalid")
        return super().to_internal_value(data)


class Minor(Whole):
    """An amount in minor units. Decimals and texts are refused, because they usually are amounts in major units."""

    default_error_messages = {
        "not_minor_units": _("Send a whole number in minor units, such as 6800 for 68.00; no decimal and no text.")
    }

    def __init__(self, **kwargs):
        kwargs.setdefault("min_value", 0)
        kwargs.setdefault("max_value", LARGEST)
        kwargs["help_text"] = in_minor_units(kwargs.get("help_text", ""))
        super().__init__(**kwargs)

    def to_internal_value(self, data):
        if type(data) is not int:
            self.fail("not_minor_units")
        return super().to_internal_value(data)


class MinorOut(serializers.IntegerField):
    """An amount in a response, in minor units."""

    def __init__(self, **kwargs):
        kwargs["help_text"] = in_minor_units(kwargs.get("help_text", ""))
        super().__init__(**kwargs)


def in_minor_units(text: str) -> str:
    """Return a field's description with the note that the amount is in minor units."""
    return text if "minor units" in text.lower() else f"{text} In minor units of the currency.".strip()


class IdentityIn(serializers.Serializer):
    kind = serializers.ChoiceField(choices=IdentityKind.choices)
    value = serializers.CharField(max_length=200)
    verified = serializers.BooleanField(
        required=False,
        allow_null=True,
        default=None,
        help_text="Proven to belong to the customer. Default: true for storefront, WeChat and card ids, else false.",
    )


class IdentityOut(serializers.Serializer):
    kind = serializers.CharField()
    value = serializers.SerializerMethodField(help_text="Masked.")
    verified = serializers.SerializerMethodField()

    def get_value(self, identity) -> str:
        return mask(identity.kind, identity.value)

    def get_verified(self, identity) -> bool:
        return identity.verified_at is not None


class ProfileIn(serializers.Serializer):
    name = serializers.CharField(max_length=200, required=False, allow_blank=True)
    birthday = serializers.DateField(required=False, allow_null=True)
    gender = serializers.ChoiceField(choices=Gender.choices, required=False, allow_blank=True)
    language = serializers.CharField(max_length=10, required=False, allow_blank=True)
    time_zone = serializers.CharField(max_length=64, required=False, allow_blank=True)
    country = serializers.CharField(
        max_length=60, required=False, allow_blank=True, help_text="ISO 3166 code, or a name in English or Chinese."
    )
    region = serializers.CharField(max_length=120, required=False, allow_blank=True)
    attributes = serializers.DictField(
        required=False,
        help_text="By the shop's own schema; null removes one. A member's token may write only member-writable ones.",
    )


class CustomerIn(ProfileIn):
    identities = IdentityIn(many=True, min_length=1, max_length=20)
    anonymous_id = serializers.CharField(
        max_length=80, required=False, help_text="The earlier visitor id; its activity is moved to the customer."
    )


class CustomerOut(serializers.Serializer):
    number = serializers.CharField()
    name = serializers.CharField()
    gender = serializers.CharField()
    language = serializers.CharField()
    time_zone = serializers.CharField()
    country = serializers.CharField()
    region = serializers.CharField()
    birthday = serializers.CharField(allow_null=True)
    attributes = serializers.DictField()
    tags = serializers.SerializerMethodField()
    identities = IdentityOut(many=True)
    created_at = serializers.DateTimeField()

    def get_tags(self, customer) -> list[str]:
        return sorted(row.tag.name for row in customer.customer_tags.all())


class CustomerCreated(CustomerOut):
    created = serializers.BooleanField(help_text="False when the identities belong to an existing customer.")


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


class ConsentIn(serializers.Serializer):
    channel = serializers.ChoiceField(choices=Channel.choices)
    purpose = serializers.ChoiceField(choices=Purpose.choices)
    decision = serializers.ChoiceField(choices=ConsentDecision.choices)
    source = serializers.CharField(
        max_length=60,
        help_text="Where it was given, for example checkout. Omit this and all further fields with a member token.",
    )
    evidence = serializers.CharField(max_length=500, required=False, allow_blank=True)
    given_at = serializers.DateTimeField(required=False)


class MemberConsentIn(serializers.Serializer):
    """A member's consent decision. The product itself sets its time, source and evidence."""

    channel = serializers.ChoiceField(choices=Channel.choices)
    purpose = serializers.ChoiceField(choices=Purpose.choices)
    decision = serializers.ChoiceField(choices=ConsentDecision.choices)


class ConsentOut(serializers.Serializer):
    channel = serializers.CharField()
    purpose = serializers.CharField()
    decision = serializers.CharField()
    source = serializers.CharField()
    given_at = serializers.DateTimeField()


class CustomerRef(serializers.Serializer):
    """Reference to a customer: either the number, or identities."""

    number = serializers.CharField(max_length=20, required=False)
    name = serializers.CharField(max_length=200, required=False, allow_blank=True)
    identities = IdentityIn(many=True, required=False, max_length=20)


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
    properties = serializers.DictField(required=False)


class ActivityBatchIn(serializers.Serializer):
    events = ActivityItemIn(many=True, min_length=1, max_length=1000)


class ActivityBatchOut(serializers.Serializer):
    accepted = serializers.IntegerField()
    repeated = serializers.IntegerField()


class ProductIn(serializers.Serializer):
    sku = serializers.CharField(max_length=64)
    name = serializers.CharField(max_length=300, required=False, allow_blank=True)
    category = serializers.CharField(max_length=200, required=False, allow_blank=True)
    brand = serializers.CharField(max_length=120, required=False, allow_blank=True)
    price = Minor(required=False, allow_null=True, help_text="In minor units of the default store's currency.")
    active = serializers.BooleanField(default=True)


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


class TokenIn(serializers.Serializer):
    customer = serializers.CharField(max_length=20)
    seconds = serializers.IntegerField(min_value=60, max_value=LONGEST_SECONDS, default=900)


class TokenOut(serializers.Serializer):
    token = serializers.CharField()
    expires_in = serializers.IntegerField()


class TicketIn(serializers.Serializer):
    customer = serializers.CharField(max_length=20, required=False, help_text="Omit it with a member token.")
    subject = serializers.CharField(max_length=200)
    text = serializers.CharField(max_length=10000)
    priority = serializers.ChoiceField(
        choices=TicketPriority.choices,
        default=TicketPriority.NORMAL,
        help_text="Only with a server key, not with a member token.",
    )
    order = serializers.CharField(max_length=64, required=False, help_text="The order's number.")


class MemberTicketIn(serializers.Serializer):
    """A member's own ticket. Its priority follows from the member's tier and the shop's rules."""

    subject = serializers.CharField(max_length=200)
    text = serializers.CharField(max_length=10000)
    order = serializers.CharField(max_length=64, required=False)


class TicketOut(serializers.Serializer):
    number = serializers.CharField()
    subject = serializers.CharField()
    status = serializers.ChoiceField(choices=TicketStatus.choices)
    priority = serializers.IntegerField()
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()


class TicketMessageOut(serializers.Serializer):
    author = serializers.CharField(source="author_kind")
    text = serializers.CharField()
    created_at = serializers.DateTimeField()


class TicketDetailOut(TicketOut):
    messages = TicketMessageOut(many=True, source="public_messages", help_text="Public messages, oldest first.")


class ReplyIn(serializers.Serializer):
    text = serializers.CharField(max_length=10000)
