"""Deliver to the in-app inbox: a decided message is visible, and the storefront reads it through the API."""

from __future__ import annotations

from campaigns.channels.registry import Channel


class Inbox(Channel):
    name = "inbox"
    opt_in = False
    local = True
