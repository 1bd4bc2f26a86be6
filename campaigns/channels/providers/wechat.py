"""WeChat official accounts (template messages) and WeCom (messages to external contacts).

Sources: https://developers.weixin.qq.com/doc/offiaccount/Message_Management/Template_Message_Interface.html,
https://developers.weixin.qq.com/doc/offiaccount/Basic_Information/getStableAccessToken.html,
https://developer.work.weixin.qq.com/document/path/91039 (gettoken) and path/92135 (add_msg_template).

Answers are HTTP 200 with `errcode`; an access token that has run out is fetched anew once. In a template for WeChat the subject is
the id of the template there and each line of the text one of its fields, `thing1: …`; a line `url: …` is where it leads.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, ClassVar
from urllib.parse import urlencode

from django.core.cache import cache
from django.utils.translation import gettext_lazy as _

from campaigns.channels.base import Outcome, Outgoing, Result
from campaigns.channels.providers.base import Ask, Field, Provider, lines_of, read_json, refused_by_status, unanswered
from campaigns.models import ChannelAccount
from core.outgoing import HttpAnswer, NoAnswer

TOKEN_IS_OVER = {40001, 40014, 42001}
LATER = {-1, 45009, 45011, 45033}
# Not a follower, or no such contact: this address takes nothing.
NOBODY = {40003, 40096, 43004, 84061}
JSON = {"content-type": "application/json; charset=utf-8"}


class NoToken(Exception):
    """The provider gave no access token; its answer says why."""


class Tencent(Provider):
    """What both have in common."""

    def send(self, account: ChannelAccount, item: Outgoing, ask: Ask) -> Outcome:
        body = json.dumps(self.body(account, item), ensure_ascii=False).encode()
        try:
            answer = self.post(account, body, ask)
            if _code(answer) in TOKEN_IS_OVER:
                # It says that it did not take the message, so that sending it again is no second time.
                cache.delete(_key(account))
                answer = self.post(account, body, ask)
        except NoToken as error:
            return Outcome(item.id, Result.AWAY, error=str(error)[:500])
        except NoAnswer as error:
            return unanswered(item, error)
        return self.outcome(item, answer)

    def post(self, account: ChannelAccount, body: bytes, ask: Ask) -> HttpAnswer:
        return ask("POST", f"{self.address(account)}?access_token={self.token(account, ask)}", JSON, body)

    def outcome(self, item: Outgoing, answer: HttpAnswer) -> Outcome:
        code, found = _code(answer), read_json(answer.text)
        if answer.status != 200 or code is None:
            return (
                refused_by_status(item, answer)
                if answer.status != 200
                else Outcome(item.id, Result.UNKNOWN, error=answer.text[:500])
            )
        error = f"{code}: {found.get('errmsg', '')}"[:500]
        if code == 0:
            return self.taken(item, found)
        if code in NOBODY:
            return Outcome(item.id, Result.BOUNCED, error=error)
        if code in LATER or code in TOKEN_IS_OVER:
            return Outcome(item.id, Result.TEMPORARY, error=error)
        return Outcome(item.id, Result.REFUSED, error=error)

    def taken(self, item: Outgoing, found: dict[str, Any]) -> Outcome:
        return Outcome(item.id, Result.SENT, str(found.get("msgid", "")))

    def token(self, account: ChannelAccount, ask: Ask) -> str:
        kept = cache.get(_key(account))
        if kept:
            return kept
        try:
            answer = self.fetch_token(account, ask)
        except NoAnswer as error:
            # Whatever became of that request, no message was handed over.
            raise NoToken(f"{error.code}: {error}") from None
        found = read_json(answer.text)
        if answer.status != 200 or not found.get("access_token"):
            raise NoToken(f"{answer.status}: {found.get('errcode', '')} {found.get('errmsg', '')}")
        # Five minutes less than it lives, so that none runs out on the way.
        cache.set(_key(account), found["access_token"], max(int(found.get("expires_in", 0)) - 300, 1))
        return found["access_token"]

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
    fields: ClassVar[Sequence[Field]] = (
        Field("app_id", "AppID"),
        Field("app_secret", "AppSecret", secret=True),
        Field("url", _("Address"), url=True, default="https://api.weixin.qq.com"),
    )

    def fetch_token(self, account: ChannelAccount, ask: Ask) -> HttpAnswer:
        values = account.values
        body = {"grant_type": "client_credential", "appid": values["app_id"], "secret": values["app_secret"]}
        return ask("POST", f"{values['url'].rstrip('/')}/cgi-bin/stable_token", JSON, json.dumps(body).encode())

    def address(self, account: ChannelAccount) -> str:
        return f"{account.values['url'].rstrip('/')}/cgi-bin/message/template/send"

    def body(self, account: ChannelAccount, item: Outgoing) -> dict[str, Any]:
        given = lines_of(item.body)
        url = given.pop("url", "")
        return {
            "touser": item.address,
            "template_id": item.subject,
            # The provider drops a second message with the same one.
            "client_msg_id": item.id.hex,
            "data": {name: {"value": value} for name, value in given.items()},
            **({"url": url} if url else {}),
        }


class WeCom(Tencent):
    name = "external_contact"
    channel = "wecom"
    label = _("WeCom, external contacts")
    fields: ClassVar[Sequence[Field]] = (
        Field("corp_id", "CorpID"),
        Field("corp_secret", "Secret", secret=True),
        Field("sender", _("Member of staff who sends"), required=False, help=_("Their userid; they confirm the message in WeCom.")),
        Field("url", _("Address"), url=True, default="https://qyapi.weixin.qq.com"),
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

    def taken(self, item: Outgoing, found: dict[str, Any]) -> Outcome:
        if item.address in (found.get("fail_list") or []):
            return Outcome(item.id, Result.BOUNCED, error="fail_list")
        return super().taken(item, found)


def _code(answer: HttpAnswer) -> int | None:
    """`errcode`, which some successful answers leave out; None when it can't be read."""
    found = read_json(answer.text)
    return int(found.get("errcode", 0)) if found else None


def _key(account: ChannelAccount) -> str:
    return f"campaigns.access_token:{account.pk}"
