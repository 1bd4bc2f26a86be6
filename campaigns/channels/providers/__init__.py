"""Define providers of channels that need an account: their settings, how they send a message, and their reports."""

from campaigns.channels.registry import PROVIDERS, Provider, Receipt, Status

__all__ = ["PROVIDERS", "Provider", "Receipt", "Status"]
