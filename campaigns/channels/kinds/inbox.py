"""Deliver to the in-app inbox: the message is visible once it is decided, and the storefront reads it through the API."""

from __future__ import annotations

from campaigns.channels.registry import Channel


class Inbox(Channel):
    name = "inbox"
    opt_in = False
    local = True
