"""Deliver to the in-app inbox: a decided message is visible, and the storefront reads it through the API."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from campaigns.channels.registry import Channel


class Inbox(Channel):
    name = "inbox"
    opt_in = False
    local = True
    icon = "inbox"
    guide = (_("The storefront shows the messages through the API. Nothing needs to be set up."),)
