"""What the gate says of a marketing message by what is lasting, as a query for each channel (J1)."""

from __future__ import annotations

from campaigns.channels.base import Channel

_UNSUPPRESSED = """NOT EXISTS (SELECT FROM campaigns_suppression s
    WHERE s.customer_id = who.customer_id AND s.channel = '{channel}' AND s.address_index IS NULL AND s.lifted_at IS NULL)"""
_ADDRESS = """EXISTS (SELECT FROM crm_identity i
    WHERE i.customer_id = who.customer_id AND i.kind = '{kind}' AND NOT EXISTS (SELECT FROM campaigns_suppression s
        WHERE s.address_index = i.value_index AND s.channel = '{channel}' AND s.lifted_at IS NULL))"""
_AGREED = """(SELECT customer_id FROM crm_consentstate
    WHERE channel = '{channel}' AND purpose = 'marketing' AND granted AND {scope})"""
_NOT_REFUSED = """(SELECT customer_id FROM (SELECT id AS customer_id FROM crm_customer WHERE state = 'active') AS known
    WHERE {scope} AND NOT EXISTS (SELECT FROM crm_consentstate state
        WHERE state.customer_id = known.customer_id AND state.channel = '{channel}' AND state.purpose = 'marketing'
              AND NOT state.granted))"""


def reach_of(channel: Channel) -> str:
    """The customers whom a marketing message may reach by this channel; {scope} is left to the caller."""
    asked = [_UNSUPPRESSED, *([_ADDRESS] if channel.address_kind else [])]
    people = _AGREED if channel.opt_in else _NOT_REFUSED
    text = f"SELECT who.customer_id FROM {people} AS who WHERE {' AND '.join(asked)}"
    return text.replace("{channel}", channel.name).replace("{kind}", channel.address_kind or "")
