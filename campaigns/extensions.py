"""What campaigns add to the rest."""

from campaigns import events  # noqa: F401
from campaigns.channels.base import CHANNELS
from campaigns.channels.email import Email
from campaigns.channels.inbox import Inbox

CHANNELS.register("email", Email())
CHANNELS.register("inbox", Inbox())
