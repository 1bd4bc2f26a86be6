"""The ways to reach a customer. Add one: a module here with a Channel, registered in `extensions`."""

from campaigns.channels.base import CHANNELS, Channel, Outcome, Outgoing, Result

__all__ = ["CHANNELS", "Channel", "Outcome", "Outgoing", "Result"]
