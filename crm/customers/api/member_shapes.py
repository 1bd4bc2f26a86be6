"""Shapes of the customer, consents, orders and tickets that a member's token may read.

Nothing that staff write for staff is here: no tags, notes, sources, priorities or attributes of the shop's own.
`tests/api/member_fields.txt` lists every field and is reviewed with each change.
"""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from core.api.shapes import picked
from crm.customers.api import serializers as customers_serializers
from crm.customers.models import AttributeDefinition


class OwnAttributes(serializers.DictField):
    """The attributes that members may change themselves. The other attributes belong to the shop and are left out."""

    def to_representation(self, value: dict[str, Any]) -> dict[str, Any]:
        own = AttributeDefinition.objects.current().filter(member_writable=True).values_list("code", flat=True)
        return {code: value[code] for code in own if code in value}


MemberIdentity = picked("MemberIdentity", customers_serializers.IdentityOut, "kind", "value", "verified")
MemberCustomer = picked(
    "MemberCustomer",
    customers_serializers.CustomerOut,
    *("number", "name", "gender", "language", "time_zone", "country", "region", "birthday", "created_at"),
    attributes=OwnAttributes(),
    identities=MemberIdentity(many=True),
)
MemberConsent = picked(
    "MemberConsent", customers_serializers.ConsentOut, "channel", "purpose", "decision", "source", "given_at"
)
