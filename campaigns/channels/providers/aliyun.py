"""Send SMS by Alibaba Cloud (Dysmsapi 2017-05-25, SendSms), signed with V3 (ACS3-HMAC-SHA256).

Sources: https://help.aliyun.com/zh/sdk/product-overview/v3-request-structure-and-signature and
https://help.aliyun.com/zh/sms/developer-reference/api-dysmsapi-2017-05-25-sendsms. The subject of a template is the
TemplateCode (SMS_123456789); each line of its text is one variable: `code: 1234`. The provider does not sign receipts
(SmsReport by HTTP), so their address carries a key of its own.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from hashlib import sha256
from typing import ClassVar
from urllib.parse import quote, urlsplit
from uuid import UUID, uuid4

from django.utils.translation import gettext_lazy as _

from campaigns.channels.models import ChannelAccount
from campaigns.channels.registry import (
    Ask,
    DeliveryOutcome,
    DeliveryResult,
    Forged,
    HttpAnswer,
    Outgoing,
    Provider,
    Receipt,
    Status,
    lines_of,
    read_json,
    refused_by_status,
    unanswered,
)
from core.fields import Field
from core.http.outgoing import NoAnswer

VERSION = "2017-05-25"
# https://help.aliyun.com/zh/sms/developer-reference/api-error-codes
NUMBER_IS_WRONG = {"isv.MOBILE_NUMBER_ILLEGAL", "isv.INVALID_PARAMETERS_MOBILE", "MOBILE_NUMBER_ILLEGAL"}
LATER = {
    "isv.BUSINESS_LIMIT_CONTROL", "isv.AMOUNT_NOT_ENOUGH", "isv.OUT_OF_SERVICE", "isp.SYSTEM_ERROR", "Throttling",
    "Throttling.User", "ServiceUnavailable",
}  # fmt: skip
DEAD_NUMBER = {"MK:0001", "MK:0012", "MN:0001", "MI:0013", "MI:0024"}


class Aliyun(Provider):
    name = "aliyun"
    channel = "sms"
    label = _("Alibaba Cloud SMS")
    reports = True
    by_template = True
    guide = (
        _("Have the signature and the templates approved in the console of Alibaba Cloud."),
        _("Create an AccessKey that may only send SMS, and enter it here."),
        _("Enter the receipt address with its key at Alibaba Cloud."),
        _("Write templates whose subject is the TemplateCode, then send a test."),
    )
    fields: ClassVar[Sequence[Field]] = (
        Field("access_key_id", "line", "AccessKey ID"),
        Field("access_key_secret", "line", "AccessKey Secret", secret=True),
        Field("sign_name", "line", _("Signature of the SMS"),
              help=_("Enter the approved signature without the brackets.")),
        Field("url", "url", _("Address"), default="https://dysmsapi.aliyuncs.com"),
        Field(
            "callback_key", "callback_key", _("Key of the receipts"), secret=True,
            help=_("Add this key to the receipt address as ?key=…; at least 20 characters."),
        ),
    )  # fmt: skip

    def send(self, account: ChannelAccount, item: Outgoing, ask: Ask) -> DeliveryOutcome:
        values = account.values
        query = {
            "PhoneNumbers": _number(item.address),
            "SignName": values["sign_name"],
            "TemplateCode": item.subject,
            "OutId": str(item.id),
        }
        if params := lines_of(item.body):
            query["TemplateParam"] = json.dumps(params, ensure_ascii=False, separators=(",", ":"))
        try:
            answer = self.call(values, "SendSms", query, ask)
        except NoAnswer as error:
            return unanswered(item, error)
        reply = read_json(answer.text)
        code = str(reply.get("Code", ""))
        if code == "OK":
            return DeliveryOutcome(item.id, DeliveryResult.SENT, str(reply.get("BizId", "")))
        error = f"{code}: {reply.get('Message', '')}"[:500]
        if code in NUMBER_IS_WRONG:
            return DeliveryOutcome(item.id, DeliveryResult.BOUNCED, error=error)
        if code in LATER or code.startswith("Throttling"):
            return DeliveryOutcome(item.id, DeliveryResult.TEMPORARY, error=error)
        if code and answer.status < 500:
            return DeliveryOutcome(item.id, DeliveryResult.REFUSED, error=error)
        return refused_by_status(item, answer)

    def call(self, values: Mapping[str, str], action: str, query: Mapping[str, str], ask: Ask) -> HttpAnswer:
        parts = urlsplit(values["url"])
        text = canonical_query(query)
        headers = {
            "host": parts.netloc,
            "x-acs-action": action,
            "x-acs-version": VERSION,
            "x-acs-date": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "x-acs-signature-nonce": uuid4().hex,
            "x-acs-content-sha256": sha256(b"").hexdigest(),
        }
        headers["Authorization"] = authorization(
            "POST", "/", text, headers, values["access_key_id"], values["access_key_secret"]
        )
        return ask("POST", f"{values['url'].rstrip('/')}/?{text}", headers, b"")

    def receipts(self, account: ChannelAccount, headers: Mapping[str, str], body: bytes) -> list[Receipt]:
        key = account.values.get("callback_key", "")
        if len(key) < 20 or not hmac.compare_digest(headers.get("key", "").encode(), key.encode()):
            raise Forged("key")
        rows = json.loads(body)
        if not isinstance(rows, list):
            raise ValueError("not a list of reports")
        return [_receipt(row) for row in rows if row.get("out_id")]

    def reply(self) -> dict[str, object]:
        return {"code": 0, "msg": "OK"}


def _receipt(row: dict) -> Receipt:
    error = f"{row.get('err_code', '')}: {row.get('err_msg', '')}"[:300]
    if row.get("success"):
        return Receipt(UUID(row["out_id"]), Status.DELIVERED)
    dead = row.get("err_code") in DEAD_NUMBER
    return Receipt(UUID(row["out_id"]), Status.BOUNCED if dead else Status.FAILED, error)


def _number(address: str) -> str:
    """Return mainland numbers without a prefix, others as country code and number without a plus."""
    return address.removeprefix("+86") if address.startswith("+86") else address.removeprefix("+")


def canonical_query(query: Mapping[str, str]) -> str:
    """Return the query sorted and encoded by RFC 3986."""
    return "&".join(f"{quote(name, safe='~')}={quote(str(query[name]), safe='~')}" for name in sorted(query))


def authorization(method: str, path: str, query: str, headers: Mapping[str, str], key_id: str, secret: str) -> str:
    """Return the Authorization header of signature V3 over the headers host, content-type and x-acs-*."""
    signed = sorted(
        name for name in map(str.lower, headers) if name in {"host", "content-type"} or name.startswith("x-acs-")
    )
    lower = {name.lower(): value.strip() for name, value in headers.items()}
    lines = "".join(f"{name}:{lower[name]}\n" for name in signed)
    names = ";".join(signed)
    request = f"{method}\n{path}\n{query}\n{lines}\n{names}\n{lower['x-acs-content-sha256']}"
    text = f"ACS3-HMAC-SHA256\n{sha256(request.encode()).hexdigest()}"
    mark = hmac.new(secret.encode(), text.encode(), sha256).hexdigest()
    return f"ACS3-HMAC-SHA256 Credential={key_id},SignedHeaders={names},Signature={mark}"
