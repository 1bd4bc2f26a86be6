"""Providers behind the channels that need an account: what they ask for, how a message is handed over, what they report."""

from campaigns.channels.providers.base import PROVIDERS, Field, Provider, Receipt, Status

__all__ = ["PROVIDERS", "Field", "Provider", "Receipt", "Status"]
