"""Send by WeChat official accounts (template messages) and WeCom (messages to external contacts).

Sources: https://developers.weixin.qq.com/doc/offiaccount/Message_Management/Template_Message_Interface.html,
https://developers.weixin.qq.com/doc/offiaccount/Basic_Information/getStableAccessToken.html,
https://developer.work.weixin.qq.com/document/path/91039 (gettoken) and path/92135 (add_msg_template).

Answers are HTTP 200 with `errcode`; an expired access token is fetched again once. In a template for WeChat the subject
is the template id at WeChat, and each line of the text is one of its fields, `thing1: …`. A line `url: …` is the link.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, ClassVar
from urllib.parse import urlencode

from django.core.cache import cache
from django.utils.translation import gettext_lazy as _

from campaigns.channels.models import ChannelAccount
from campaigns.channels.registry import (
    Ask,
    DeliveryOutcome,
    DeliveryResult,
    Outgoing,
    Provider,
    lines_of,
    read_json,
    refused_by_status,
    unanswered,
)
from core.fields import Field
from core.http.outgoing import HttpAnswer, NoAnswer

TOKEN_IS_OVER = {40001, 40014, 42001}
LATER = {-1, 45009, 45011, 45033}
# Not a follower, or no such contact: this address can't be reached.
NOBODY = {40003, 40096, 43004, 84061}
JSON = {"content-type": "application/json; charset=utf-8"}


class NoToken(Exception):
    """Raise when the provider returned no access token; the message contains its answer."""


class Tencent(Provider):
    """Hold the code that both providers share."""

    def send(self, account: ChannelAccount, item: Outgoing, ask: Ask) -> DeliveryOutcome:
        body = json.dumps(self.body(account, item), ensure_ascii=False).encode()
        try:
            answer = self.post(account, body, ask)
            if _code(answer) in TOKEN_IS_OVER:
                # The provider says that it did not accept the message, so sending it again is no repeat.
                cache.delete(_key(account))
                answer = self.post(account, body, ask)
        except NoToken as error:
            return DeliveryOutcome(item.id, DeliveryResult.AWAY, error=str(error)[:500])
        except NoAnswer as error:
            return unanswered(item, error)
        return self.outcome(item, answer)

    def post(self, account: ChannelAccount, body: bytes, ask: Ask) -> HttpAnswer:
        return ask("POST", f"{self.address(account)}?access_token={self.token(account, ask)}", JSON, body)

    def outcome(self, item: Outgoing, answer: HttpAnswer) -> DeliveryOutcome:
        code, data = _code(answer), read_json(answer.text)
        if answer.status != 200 or code is None:
            return (
                refused_by_status(item, answer)
                if answer.status != 200
                else DeliveryOutcome(item.id, DeliveryResult.UNKNOWN, error=answer.text[:500])
            )
        error = f"{code}: {data.get('errmsg', '')}"[:500]
        if code == 0:
            return self.taken(item, data)
        if code in NOBODY:
            return DeliveryOutcome(item.id, DeliveryResult.BOUNCED, error=error)
        if code in LATER or code in TOKEN_IS_OVER:
            return DeliveryOutcome(item.id, DeliveryResult.TEMPORARY, error=error)
        return DeliveryOutcome(item.id, DeliveryResult.REFUSED, error=error)

    def taken(self, item: Outgoing, found: dict[str, Any]) -> DeliveryOutcome:
        return DeliveryOutcome(item.id, DeliveryResult.SENT, str(found.get("msgid", "")))

    def token(self, account: ChannelAccount, ask: Ask) -> str:
        cached = cache.get(_key(account))
        if cached:
            return cached
        try:
            answer = self.fetch_token(account, ask)
        except NoAnswer as error:
            # Whatever happened to that request, no message was handed over.
            raise NoToken(f"{error.code}: {error}") from None
        data = read_json(answer.text)
        if answer.status != 200 or not data.get("access_token"):
            raise NoToken(f"{answer.status}: {data.get('errcode', '')} {data.get('errmsg', '')}")
        # Five minutes less than its lifetime, so that no token expires during a request.
        cache.set(_key(account), data["access_token"], max(int(data.get("expires_in", 0)) - 300, 1))
        return data["access_token"]

    def fetch_token(self, account: ChannelAccount, ask: Ask) -> HttpAnswer:
        raise NotImplementedError

    def address(self, account: ChannelAccount) -> str:
        raise NotImplementedError

    def body(self, account: ChannelAccount, item: Outgoing) -> dict[str, Any]:
        raise NotImplementedError


class OfficialAccount(Tencent):
    name = "official_account"
    channel = "wechat"
    label = _("WeChat official account")
    guide = (
        _("Verify your official account and choose message templates at WeChat."),
        _("Enter AppID and AppSecret, and allow the address of this server there."),
        _("Write templates whose subject is the template id at WeChat, one field a line."),
        _("Send a test to your own openid."),
    )
    fields: ClassVar[Sequence[Field]] = (
        Field("app_id", "line", "AppID"),
        Field("app_secret", "line", "AppSecret", secret=True),
        Field("url", "url", _("Address"), default="https://api.weixin.qq.com"),
    )

    def fetch_token(self, account: ChannelAccount, ask: Ask) -> HttpAnswer:
        values = account.values
        body = {"grant_type": "client_credential", "appid": values["app_id"], "secret": values["app_secret"]}
        return ask("POST", f"{values['url'].rstrip('/')}/cgi-bin/stable_token", JSON, json.dumps(body).encode())

    def address(self, account: ChannelAccount) -> str:
        return f"{account.values['url'].rstrip('/')}/cgi-bin/message/template/send"

    def body(self, account: ChannelAccount, item: Outgoing) -> dict[str, Any]:
        fields = lines_of(item.body)
        url = fields.pop("url", "")
        return {
            "touser": item.address,
            "template_id": item.subject,
            # The provider drops a second message with the same id.
            "client_msg_id": item.id.hex,
            "data": {name: {"value": value} for name, value in fields.items()},
            **({"url": url} if url else {}),
        }


class WeCom(Tencent):
    name = "external_contact"
    channel = "wecom"
    label = _("WeCom, external contacts")
    guide = (
        _("Allow customer contact for your app in the WeCom administration."),
        _("Enter the CorpID and the secret of the app."),
        _("Name the staff member who confirms messages in WeCom."),
        _("Send a test to an external contact of yours."),
    )
    fields: ClassVar[Sequence[Field]] = (
        Field("corp_id", "line", "CorpID"),
        Field("corp_secret", "line", "Secret", secret=True),
        Field("sender", "line", _("Sending staff member"), required=False,
              help=_("The userid of the staff member, who confirms the message in WeCom.")),
        Field("url", "url", _("Address"), default="https://qyapi.weixin.qq.com"),
    )  # fmt: skip

    def fetch_token(self, account: ChannelAccount, ask: Ask) -> HttpAnswer:
        values = account.values
        query = urlencode({"corpid": values["corp_id"], "corpsecret": values["corp_secret"]})
        return ask("GET", f"{values['url'].rstrip('/')}/cgi-bin/gettoken?{query}", {}, b"")

    def address(self, account: ChannelAccount) -> str:
        return f"{account.values['url'].rstrip('/')}/cgi-bin/externalcontact/add_msg_template"

    def body(self, account: ChannelAccount, item: Outgoing) -> dict[str, Any]:
        sender = account.values.get("sender", "")
        return {
            "chat_type": "single",
            "external_userid": [item.address],
            "text": {"content": item.body},
            **({"sender": sender} if sender else {}),
        }

    def taken(self, item: Outgoing, found: dict[str, Any]) -> DeliveryOutcome:
        if item.address in (found.get("fail_list") or []):
            return DeliveryOutcome(item.id, DeliveryResult.BOUNCED, error="fail_list")
        return super().taken(item, found)


def _code(answer: HttpAnswer) -> int | None:
    """Return `errcode`, which some successful answers leave out; None when the answer is unreadable."""
    data = read_json(answer.text)
    return int(data.get("errcode", 0)) if data else None


def _key(account: ChannelAccount) -> str:
    return f"campaigns.access_token:{account.pk}"
