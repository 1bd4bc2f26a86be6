"""Define the channels that reach customers.

To add one, write a module with a Channel and register it in `extensions`.
"""

from campaigns.channels.registry import CHANNELS, Channel, DeliveryOutcome, DeliveryResult, Outgoing

__all__ = ["CHANNELS", "Channel", "DeliveryOutcome", "DeliveryResult", "Outgoing"]
