"""The in-app inbox: the message is there as soon as it is decided; the storefront shows it through the API."""

from __future__ import annotations

from campaigns.channels.base import Channel


class Inbox(Channel):
    name = "inbox"
    opt_in = False
    local = True
