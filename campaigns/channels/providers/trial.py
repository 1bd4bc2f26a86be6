"""Trial accounts of SMS and WeChat: they accept every message and deliver none, for a shop that tries its campaigns."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from campaigns.channels.models import ChannelAccount
from campaigns.channels.registry import Ask, DeliveryOutcome, DeliveryResult, Outgoing, Provider


class TrialSms(Provider):
    name = "trial_sms"
    channel = "sms"
    label = _("Trial (nothing is delivered)")
    guide = (_("Add the trial account to try campaigns: every message counts as sent, and none is delivered."),)

    def send(self, account: ChannelAccount, item: Outgoing, ask: Ask) -> DeliveryOutcome:
        return DeliveryOutcome(item.id, DeliveryResult.SENT, f"trial-{item.id}")


class TrialWechat(TrialSms):
    name = "trial_wechat"
    channel = "wechat"
