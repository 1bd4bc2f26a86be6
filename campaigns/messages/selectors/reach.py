"""Build the gate's lasting conditions for a marketing message, one per channel (J1)."""

from __future__ import annotations

from campaigns.channels.registry import Channel

_UNSUPPRESSED = """who.customer_id NOT IN (SELECT s.customer_id FROM campaigns_suppression s
    WHERE s.channel = '{channel}' AND s.address_index IS NULL AND s.lifted_at IS NULL AND s.customer_id IS NOT NULL)"""
# Few customers have a suppressed address: only for those, check whether another address is left.
_ADDRESS = """'{kind}' = ANY(who.addresses) AND (
    who.customer_id NOT IN (SELECT i.customer_id FROM campaigns_suppression s
        JOIN crm_identity i ON i.kind = '{kind}' AND i.value_index = s.address_index
        WHERE s.channel = '{channel}' AND s.lifted_at IS NULL)
    OR EXISTS (SELECT FROM crm_identity i
        WHERE i.customer_id = who.customer_id AND i.kind = '{kind}' AND NOT EXISTS (SELECT FROM campaigns_suppression s
            WHERE s.address_index = i.value_index AND s.channel = '{channel}' AND s.lifted_at IS NULL)))"""
_AGREED = "'{channel}' = ANY(who.agreed)"
_NOT_REFUSED = "'{channel}' <> ALL(coalesce(who.refused, '{}'))"


def reach_of(channel: Channel) -> str:
    """Return the condition under which a marketing message may reach `who` by this channel."""
    conditions = [
        _AGREED if channel.opt_in else _NOT_REFUSED,
        _UNSUPPRESSED,
        *([_ADDRESS] if channel.address_kind else []),
    ]
    return " AND ".join(conditions).replace("{channel}", channel.name).replace("{kind}", channel.address_kind or "")
