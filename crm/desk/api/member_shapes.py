"""Fields of the service desk that a member token can read."""

from __future__ import annotations

from core.api.shapes import picked
from crm.desk.api import serializers as desk_serializers

MemberTicket = picked(
    "MemberTicket", desk_serializers.TicketOut, "number", "subject", "status", "created_at", "updated_at"
)
MemberTicketMessage = picked("MemberTicketMessage", desk_serializers.TicketMessageOut, "author", "text", "created_at")


class MemberTicketDetail(MemberTicket):  # type: ignore[valid-type, misc]
    messages = MemberTicketMessage(many=True, source="public_messages", help_text="Oldest first.")
