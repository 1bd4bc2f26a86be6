"""Texts of channels that several modules show."""

from __future__ import annotations

from crm.customers.models import Channel


def channel_label(channel: str) -> str:
    return str(dict(Channel.choices).get(channel, channel))
