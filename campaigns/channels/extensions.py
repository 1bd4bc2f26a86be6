"""Registrations of channels."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from campaigns.channels.kinds.email import Email
from campaigns.channels.kinds.fields import CallbackKeyKind, SigningSecretKind
from campaigns.channels.kinds.http import HttpChannel
from campaigns.channels.kinds.inbox import Inbox
from campaigns.channels.providers.aliyun import Aliyun
from campaigns.channels.providers.gateway import Gateway
from campaigns.channels.providers.trial import TrialSms, TrialWechat
from campaigns.channels.providers.webhook import OwnSystem
from campaigns.channels.providers.wechat import OfficialAccount, WeCom
from campaigns.channels.registry import CHANNELS, PROVIDERS
from core.console import settings_cards
from core.fields import FIELD_KINDS
from core.security.roles import grant

FIELD_KINDS.register("signing_secret", SigningSecretKind())
FIELD_KINDS.register("callback_key", CallbackKeyKind())
CHANNELS.register("email", Email())
CHANNELS.register("inbox", Inbox())
CHANNELS.register("sms", HttpChannel("sms", address_kind="phone", icon="device-mobile-message"))
CHANNELS.register(
    "wechat", HttpChannel("wechat", address_kind="wechat_openid", icon="brand-wechat", needs_subject=True)
)
CHANNELS.register("wecom", HttpChannel("wecom", address_kind="wecom_external", icon="messages"))
CHANNELS.register("webhook", HttpChannel("webhook", address_kind=None, icon="webhook"))
for _provider in (Gateway(), Aliyun(), OfficialAccount(), WeCom(), OwnSystem(), TrialSms(), TrialWechat()):
    PROVIDERS.register(_provider.name, _provider)
settings_cards.register(
    "channels",
    _("Channels"),
    _("E-mail, SMS, WeChat, WeCom and your own system: accounts, health, tests"),
    url="channels",
    icon="plug",
    permission="campaigns.view_channelaccount",
    group="messages",
    order=10,
    palette=False,
)
grant("campaigns.view_channelaccount", "campaigns.change_channelaccount", to=[])
