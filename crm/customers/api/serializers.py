"""Request and response bodies of the API of customers."""

from __future__ import annotations

import re

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from crm.customers.api.authentication import LONGEST_SECONDS
from crm.customers.models import Channel, ConsentDecision, Gender, IdentityKind, Purpose
from crm.customers.rules.identities import mask

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


class TokenIn(serializers.Serializer):
    customer = serializers.CharField(max_length=20)
    seconds = serializers.IntegerField(min_value=60, max_value=LONGEST_SECONDS, default=900)


class TokenOut(serializers.Serializer):
    token = serializers.CharField()
    expires_in = serializers.IntegerField()
