"""Test SMS, WeChat, WeCom and the shop's own system against real local endpoints (F23, J2)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
import uuid

import pytest
from django.db import connection
from django.test import override_settings
from django.urls import reverse

from campaigns.channels.kinds import http
from campaigns.channels.models import ChannelAccount
from campaigns.channels.providers.aliyun import authorization, canonical_query
from campaigns.channels.registry import lines_of
from campaigns.channels.services.accounts import save_account, switch_account
from campaigns.messages.models import Message, Suppression
from campaigns.messages.services import messages
from campaigns.templates.services.templates import Text, save_template
from core.base.actor import SYSTEM
from core.base.errors import Invalid
from core.events.models import DomainEvent
from core.http.outgoing import make_secret
from crm.customers.services.consents import record_consent
from crm.customers.services.identities import GivenIdentity, resolve_customer
from tests.campaigns.channels.provider import Endpoint

pytestmark = pytest.mark.django_db
SECRET = make_secret()


@pytest.fixture
def endpoint():
    server = Endpoint()
    yield server
    server.close()


def template_of(channel, body="Hi {{ customer.first_name }}", subject=""):
    return save_template(name=f"T {channel}", channel=channel, texts=[Text("en", body, subject)], actor=SYSTEM)


def to(customer, channel, template, occurrence="1") -> Message:
    record_consent(
        customer=customer, channel=channel, purpose="marketing", decision="granted", source="test", actor=SYSTEM
    )
    return messages.queue_message(customer=customer, template=template, origin="test", occurrence=occurrence)


@pytest.fixture
def sms(open_policy, endpoint, make_customer):
    """Queue one message by the gateway, and return a function that sends due messages and reads it."""
    account = save_account(
        provider="gateway", values={"url": f"{endpoint.url}/sms", "secret": SECRET, "sender": "Shop"}, actor=SYSTEM
    )
    customer = make_customer("Ada", phone="+8613800138000", language="en")
    message = to(customer, "sms", template_of("sms"))

    def send():
        messages.send_due()
        message.refresh_from_db()
        return message.state, message.reason

    send.account, send.message = account, message
    return send


def mark(secret, identifier, at, raw) -> str:
    """Compute the signature independently of the code."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    return (
        "v1," + base64.b64encode(hmac.new(key, f"{identifier}.{at}.".encode() + raw, hashlib.sha256).digest()).decode()
    )


def receipt(client, sms, status="delivered", *, secret=SECRET, at=None, identifier=None, **fields):
    raw = json.dumps({"id": identifier or str(sms.message.pk), "status": status, **fields}).encode()
    at = int(at or time.time())
    return client.post(
        reverse("message_receipts", args=[sms.account.pk]), raw, content_type="application/json",
        headers={"webhook-id": "r1", "webhook-timestamp": str(at), "webhook-signature": mark(secret, "r1", at, raw)},
    )  # fmt: skip


class TestGateway:
    def test_a_message_is_signed_and_carries_its_id(self, sms, endpoint):
        endpoint.answer = lambda asked: (202, {"id": "x"})
        assert sms() == ("sent", "")
        (asked,) = endpoint.asked
        assert asked.body == {"id": str(sms.message.pk), "to": "+8613800138000", "text": "Hi Ada", "sender": "Shop"}
        assert asked.headers["webhook-id"] == str(sms.message.pk)
        at = int(asked.headers["webhook-timestamp"])
        assert mark(SECRET, asked.headers["webhook-id"], at, asked.raw) == asked.headers["webhook-signature"]
        assert sms() == ("sent", "")
        assert len(endpoint.asked) == 1

    def test_a_timeout_is_uncertain_and_reconciled_never_sent_again_automatically(self, sms, endpoint, monkeypatch):
        monkeypatch.setattr(http, "SECONDS", 0.3)
        endpoint.delay = 1.0
        assert sms() == ("uncertain", "")
        endpoint.delay = 0.0
        assert sms() == ("uncertain", "")
        assert len(endpoint.asked) == 1
        endpoint.answer = lambda asked: (200, {"status": "accepted"}) if asked.method == "GET" else (500, {})
        assert messages.reconcile_uncertain() == 1
        assert sms() == ("sent", "")
        assert [(asked.method, asked.path) for asked in endpoint.asked[1:]] == [("GET", f"/sms/{sms.message.pk}")]

    def test_a_message_that_the_provider_never_had_is_sent_once_later(self, sms, endpoint):
        endpoint.answer = lambda asked: (0, "")
        assert sms() == ("uncertain", "")
        endpoint.answer = lambda asked: (404, {}) if asked.method == "GET" else (202, {})
        assert messages.reconcile_uncertain() == 1
        Message.objects.update(due_at=sms.message.created_at)
        assert sms() == ("sent", "")
        assert [asked.method for asked in endpoint.asked] == ["POST", "GET", "POST"]

    def test_500_after_accepting_is_at_most_one_effect(self, sms, endpoint):
        taken = set()

        def accept_and_break(asked):
            if asked.method == "GET":
                return (200, {}) if asked.path.rpartition("/")[2] in taken else (404, {})
            taken.add(asked.body["id"])
            return 500, "broken"

        endpoint.answer = accept_and_break
        assert sms() == ("uncertain", "")
        messages.reconcile_uncertain()
        assert sms() == ("sent", "")
        assert len([asked for asked in endpoint.asked if asked.method == "POST"]) == 1

    @pytest.mark.parametrize("status", [429, 503])
    def test_a_message_is_retried_later_when_the_provider_says_so(self, sms, endpoint, status):
        endpoint.answer = lambda asked: (status, "slow down")
        assert sms() == ("queued", "")
        assert sms.message.attempts == 1
        endpoint.answer = lambda asked: (202, {})
        Message.objects.update(due_at=sms.message.created_at)
        assert sms() == ("sent", "")

    def test_a_wrong_number_is_suppressed_and_a_refusal_is_final(self, sms, endpoint):
        endpoint.answer = lambda asked: (422, {"error": "invalid_number"})
        assert sms() == ("failed", "bounce")
        assert Suppression.objects.get().channel == "sms"
        again = messages.queue_message(
            customer=sms.message.customer, template=sms.message.template, origin="test", occurrence="2"
        )
        messages.send_due()
        again.refresh_from_db()
        assert again.reason == "suppressed"
        assert len(endpoint.asked) == 1

    def test_a_provider_that_is_away_costs_no_certainty(self, sms, endpoint):
        endpoint.close()
        assert sms() == ("queued", "")
        assert sms.message.provider_id == ""
        assert sms.message.attempts == 0

    def test_a_receipt_counts_once_and_settles_the_uncertain(self, sms, endpoint, client):
        endpoint.answer = lambda asked: (500, "")
        assert sms() == ("uncertain", "")
        assert receipt(client, sms).status_code == 200
        sms.message.refresh_from_db()
        first = sms.message.delivered_at
        assert (sms.message.state, first is not None) == ("sent", True)
        for status in ("delivered", "failed", "bounced"):
            assert receipt(client, sms, status).status_code == 200
        sms.message.refresh_from_db()
        assert (sms.message.state, sms.message.delivered_at) == ("sent", first)
        assert not Suppression.objects.exists()
        assert DomainEvent.objects.filter(kind="campaigns.message_sent").count() == 1

    def test_a_receipt_of_a_dead_number_twice_suppresses_it_once(self, sms, endpoint, client):
        endpoint.answer = lambda asked: (202, {})
        sms()
        for _ in range(2):
            assert receipt(client, sms, "bounced", error="gone").status_code == 200
        sms.message.refresh_from_db()
        assert (sms.message.state, sms.message.reason, sms.message.error) == ("failed", "bounce", "gone")
        assert Suppression.objects.count() == 1

    def test_a_forged_receipt_is_refused_and_changes_nothing(self, sms, endpoint, client):
        endpoint.answer = lambda asked: (202, {})
        sms()
        before = Message.objects.values().get()
        assert receipt(client, sms, "failed", secret=make_secret()).status_code == 403
        assert receipt(client, sms, "failed", at=time.time() - 400).status_code == 403
        address = reverse("message_receipts", args=[sms.account.pk])
        assert client.post(address, b"{}", content_type="application/json").status_code == 403
        assert client.post(reverse("message_receipts", args=[999])).status_code == 404
        assert client.get(address).status_code == 405
        assert receipt(client, sms, "nonsense").status_code == 400
        assert receipt(client, sms, identifier="not-a-uuid").status_code == 400
        assert receipt(client, sms, identifier=str(uuid.uuid4())).status_code == 200
        assert Message.objects.values().get() == before


class TestAliyun:
    def test_the_signature_is_the_one_of_the_official_example(self):
        """https://help.aliyun.com/zh/sdk/product-overview/v3-request-structure-and-signature, the fixed example."""
        query = canonical_query(
            {"RegionId": "cn-shanghai", "ImageId": "win2019_1809_x64_dtc_zh-cn_40G_alibase_20230811.vhd"}
        )
        headers = {
            "host": "ecs.cn-shanghai.aliyuncs.com", "x-acs-action": "RunInstances", "x-acs-version": "2014-05-26",
            "x-acs-content-sha256": hashlib.sha256(b"").hexdigest(), "x-acs-date": "2023-10-26T10:22:32Z",
            "x-acs-signature-nonce": "3156853299f313e23d1673dc12e1703d",
        }  # fmt: skip
        assert authorization("POST", "/", query, headers, "YourAccessKeyId", "YourAccessKeySecret").endswith(
            "Signature=06563a9e1b43f5dfe96b81484da74bceab24a1d853912eee15083a6f0f3283c0"
        )

    @pytest.fixture
    def aliyun(self, open_policy, endpoint, make_customer):
        values = {"access_key_id": "id", "access_key_secret": "top", "sign_name": "店铺", "url": endpoint.url,
                  "callback_key": "k" * 24}  # fmt: skip
        account = save_account(provider="aliyun", values=values, actor=SYSTEM)
        customer = make_customer("Ada", phone="+8613800138000", language="en")
        message = to(
            customer, "sms", template_of("sms", "name: {{ customer.first_name }}\npoints：{{ member.points }}", "SMS_1")
        )
        return account, message

    def test_a_request_is_what_the_api_asks_for(self, aliyun, endpoint):
        _account, message = aliyun
        endpoint.answer = lambda asked: (200, {"Code": "OK", "BizId": "9006^0", "Message": "OK"})
        messages.send_due()
        message.refresh_from_db()
        assert (message.state, message.provider_id) == ("sent", "9006^0")
        (asked,) = endpoint.asked
        assert asked.query == {
            "PhoneNumbers": "13800138000", "SignName": "店铺", "TemplateCode": "SMS_1", "OutId": str(message.pk),
            "TemplateParam": '{"name":"Ada","points":"0"}',
        }  # fmt: skip
        assert (asked.headers["x-acs-action"], asked.headers["x-acs-version"]) == ("SendSms", "2017-05-25")
        sent = {name: asked.headers[name] for name in asked.headers if name == "host" or name.startswith("x-acs-")}
        assert asked.headers["authorization"] == authorization(
            "POST", "/", canonical_query(asked.query), sent, "id", "top"
        )

    @pytest.mark.parametrize(
        ("status", "code", "state", "reason"),
        [
            (200, "isv.BUSINESS_LIMIT_CONTROL", "queued", ""),
            (400, "Throttling.User", "queued", ""),
            (200, "isv.MOBILE_NUMBER_ILLEGAL", "failed", "bounce"),
            (200, "isv.SMS_TEMPLATE_ILLEGAL", "failed", "refused"),
            (500, "", "uncertain", ""),
        ],
    )
    def test_its_codes(self, aliyun, endpoint, status, code, state, reason):
        endpoint.answer = lambda asked: (status, {"Code": code, "Message": "said"} if code else "oops")
        messages.send_due()
        message = Message.objects.get()
        assert (message.state, message.reason) == (state, reason)

    def test_receipts_need_the_key(self, aliyun, endpoint, client):
        account, message = aliyun
        endpoint.answer = lambda asked: (200, {"Code": "OK", "BizId": "1"})
        messages.send_due()
        report = json.dumps(
            [{"phone_number": "13800138000", "success": True, "out_id": str(message.pk), "biz_id": "1"}]
        )
        address = reverse("message_receipts", args=[account.pk])
        for key in ("", "?key=wrong", f"?key={'k' * 23}"):
            assert client.post(address + key, report, content_type="application/json").status_code == 403
        message.refresh_from_db()
        assert message.delivered_at is None
        response = client.post(f"{address}?key={'k' * 24}", report, content_type="application/json")
        assert (response.status_code, response.json()) == (200, {"code": 0, "msg": "OK"})
        message.refresh_from_db()
        assert message.delivered_at is not None


class WeChatServer:
    """Answer as WeChat and WeCom do: tokens that may expire, `errcode` in an answer of 200."""

    def __init__(self) -> None:
        self.tokens = 0
        self.valid = ""
        self.sent: list[dict] = []
        self.codes: list[int] = []

    def __call__(self, asked):
        if asked.path in {"/cgi-bin/stable_token", "/cgi-bin/gettoken"}:
            self.tokens += 1
            self.valid = f"token-{self.tokens}"
            return 200, {"errcode": 0, "access_token": self.valid, "expires_in": 7200}
        if asked.query["access_token"] != self.valid:
            return 200, {"errcode": 42001, "errmsg": "access_token expired"}
        if self.codes and (code := self.codes.pop(0)):
            return 200, {"errcode": code, "errmsg": "no"}
        self.sent.append(asked.body)
        return 200, {"errcode": 0, "errmsg": "ok", "msgid": 200228332}


class TestWeChat:
    @pytest.fixture
    def wechat(self, open_policy, endpoint):
        endpoint.answer = server = WeChatServer()
        values = {"app_id": "wx1", "app_secret": "s", "url": endpoint.url}
        save_account(provider="official_account", values=values, actor=SYSTEM)
        customer = resolve_customer(
            [GivenIdentity("wechat_openid", "o-Ada", True)], actor=SYSTEM, source="test", country="CN",
            defaults={"name": "Ada"},
        ).customer  # fmt: skip
        self.template = template_of("wechat", "thing1: {{ customer.first_name }}\nurl: https://shop.example/a", "TM-1")
        self.customer = customer
        return server

    def test_a_template_message_in_the_official_format(self, wechat, endpoint):
        message = to(self.customer, "wechat", self.template)
        messages.send_due()
        message.refresh_from_db()
        assert (message.state, message.provider_id) == ("sent", "200228332")
        assert wechat.sent == [
            {
                "touser": "o-Ada", "template_id": "TM-1", "client_msg_id": message.pk.hex,
                "data": {"thing1": {"value": "Ada"}}, "url": "https://shop.example/a",
            }
        ]  # fmt: skip
        assert endpoint.asked[0].body == {"grant_type": "client_credential", "appid": "wx1", "secret": "s"}

    def test_the_token_is_cached_and_fetched_again_once_when_it_has_expired(self, wechat, endpoint):
        to(self.customer, "wechat", self.template)
        to(self.customer, "wechat", self.template, "2")
        messages.send_due()
        assert (wechat.tokens, len(wechat.sent)) == (1, 2)
        wechat.valid = "another"
        to(self.customer, "wechat", self.template, "3")
        messages.send_due()
        assert (wechat.tokens, len(wechat.sent)) == (2, 3)
        assert set(Message.objects.values_list("state", flat=True)) == {"sent"}

    def test_a_token_that_never_works_is_tried_once_more_and_no_more(self, wechat, endpoint):
        wechat.codes = [40001, 40001, 40001]
        message = to(self.customer, "wechat", self.template)
        messages.send_due()
        message.refresh_from_db()
        assert (message.state, message.attempts, wechat.tokens, wechat.sent) == ("queued", 1, 2, [])

    @pytest.mark.parametrize(
        ("code", "state", "reason"),
        [(43004, "failed", "bounce"), (45009, "queued", ""), (-1, "queued", ""), (40037, "failed", "refused")],
    )
    def test_its_codes(self, wechat, code, state, reason):
        wechat.codes = [code]
        message = to(self.customer, "wechat", self.template)
        messages.send_due()
        message.refresh_from_db()
        assert (message.state, message.reason) == (state, reason)

    def test_no_token_hands_nothing_over(self, wechat, endpoint):
        endpoint.answer = lambda asked: (200, {"errcode": 40125, "errmsg": "invalid appsecret"})
        message = to(self.customer, "wechat", self.template)
        messages.send_due()
        message.refresh_from_db()
        assert (message.state, message.attempts) == ("queued", 0)
        assert "invalid appsecret" in message.error

    def test_a_text_without_a_template_id_is_refused(self, wechat):
        with pytest.raises(Invalid) as caught:
            template_of("wechat", "thing1: x")
        assert caught.value.field == "texts.0.subject"


def test_wecom_sends_to_the_external_contact(open_policy, endpoint):
    endpoint.answer = server = WeChatServer()
    save_account(
        provider="external_contact", actor=SYSTEM,
        values={"corp_id": "ww1", "corp_secret": "s", "sender": "li", "url": endpoint.url},
    )  # fmt: skip
    customer = resolve_customer(
        [GivenIdentity("wecom_external", "wm-Ada", True)], actor=SYSTEM, source="test", country="CN",
        defaults={"name": "Ada"},
    ).customer  # fmt: skip
    message = to(customer, "wecom", template_of("wecom"))
    messages.send_due()
    message.refresh_from_db()
    assert message.state == "sent"
    assert server.sent == [
        {"chat_type": "single", "external_userid": ["wm-Ada"], "text": {"content": "Hi Ada"}, "sender": "li"}
    ]
    assert endpoint.asked[0].query == {"corpid": "ww1", "corpsecret": "s"}


def test_the_shops_own_system_gets_a_signed_message(open_policy, endpoint, make_customer):
    save_account(provider="own_system", values={"url": f"{endpoint.url}/in", "secret": SECRET}, actor=SYSTEM)
    customer = make_customer("Ada", language="en")
    message = to(customer, "webhook", template_of("webhook", subject="News"))
    messages.send_due()
    message.refresh_from_db()
    assert message.state == "sent"
    (asked,) = endpoint.asked
    assert asked.body["type"] == "message.send"
    assert asked.body["data"] == {
        "id": str(message.pk), "customer": customer.number, "subject": "News", "text": "Hi Ada", "language": "en",
        "class": "marketing",
    }  # fmt: skip
    assert (
        mark(SECRET, str(message.pk), int(asked.headers["webhook-timestamp"]), asked.raw)
        == asked.headers["webhook-signature"]
    )


@override_settings(WEBHOOKS_ALLOW_PRIVATE=False)
def test_no_account_leads_into_our_own_network(db):
    for url in ("https://127.0.0.1/x", "https://169.254.169.254/", "http://example.com/"):
        with pytest.raises(Invalid) as caught:
            save_account(provider="gateway", values={"url": url, "secret": SECRET}, actor=SYSTEM)
        assert caught.value.field == "url"
    assert not ChannelAccount.objects.exists()


def test_secrets_are_encrypted_kept_when_empty_and_one_account_is_active(db):
    first = save_account(provider="gateway", values={"url": "http://127.0.0.1/a", "secret": SECRET}, actor=SYSTEM)
    with connection.cursor() as cursor:
        cursor.execute("SELECT secrets, settings::text FROM campaigns_channelaccount")
        stored, settings = cursor.fetchone()
    assert SECRET.encode() not in bytes(stored)
    assert SECRET not in settings
    changed = save_account(
        provider="gateway", values={"url": "http://127.0.0.1/b", "secret": ""}, account=first, actor=SYSTEM
    )
    assert (changed.values["secret"], changed.values["url"]) == (SECRET, "http://127.0.0.1/b")
    second = save_account(provider="gateway", values={"url": "http://127.0.0.1/c", "secret": SECRET}, actor=SYSTEM)
    assert (first.active, second.active) == (True, False)
    switch_account(account=second, active=True, actor=SYSTEM)
    assert list(ChannelAccount.objects.filter(active=True)) == [second]
    for values, field in (
        ({"url": "http://127.0.0.1/a", "secret": "short"}, "secret"), ({"secret": SECRET}, "url"),
    ):  # fmt: skip
        with pytest.raises(Invalid) as caught:
            save_account(provider="gateway", values=values, actor=SYSTEM)
        assert caught.value.field == field


def test_a_channel_without_an_account_waits(open_policy, make_customer, endpoint):
    customer = make_customer("Ada", phone="+8613800138000", language="en")
    message = to(customer, "sms", template_of("sms"))
    messages.send_due()
    message.refresh_from_db()
    assert (message.state, message.attempts) == ("queued", 0)
    assert "no active account" in message.error


def test_lines_of_fields():
    assert lines_of("a: 1\n\nb：x:y\nnothing\n: z") == {"a": "1", "b": "x:y", "nothing": ""}
