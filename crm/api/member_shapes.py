"""Shapes of the customer, consents, orders and tickets that a member's token may read.

Nothing that staff write for staff is here: no tags, notes, sources, priorities or attributes of the shop's own.
`tests/api/member_fields.txt` lists every field and is reviewed with each change.
"""

from __future__ import annotations

from rest_framework import serializers

from core.api.shapes import picked
from crm.api import serializers as shapes
from crm.models import AttributeDefinition


class OwnAttributes(serializers.DictField):
    """The attributes that members may change themselves. The other attributes belong to the shop and are left out."""

    def to_representation(self, value):
        own = AttributeDefinition.objects.filter(member_writable=True).values_list("code", flat=True)
        return {code: value[code] for code in own if code in value}


MemberIdentity = picked("MemberIdentity", shapes.IdentityOut, "kind", "value", "verified")
MemberCustomer = picked(
    "MemberCustomer",
    shapes.CustomerOut,
    *("number", "name", "gender", "language", "time_zone", "country", "region", "birthday", "created_at"),
    attributes=OwnAttributes(),
    identities=MemberIdentity(many=True),
)
MemberConsent = picked("MemberConsent", shapes.ConsentOut, "channel", "purpose", "decision", "source", "given_at")
MemberOrder = picked(
    "MemberOrder",
    shapes.OrderOut,
    *("number", "state", "customer", "currency", "subtotal", "discount", "points_amount", "shipping", "tax", "fees"),
    *("total", "refunded", "placed_at", "paid_at"),
)
MemberTicket = picked("MemberTicket", shapes.TicketOut, "number", "subject", "status", "created_at", "updated_at")
MemberTicketMessage = picked("MemberTicketMessage", shapes.TicketMessageOut, "author", "text", "created_at")


class MemberTicketDetail(MemberTicket):  # type: ignore[valid-type, misc]
    messages = MemberTicketMessage(many=True, source="public_messages", help_text="Oldest first.")
