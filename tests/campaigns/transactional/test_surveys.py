"""Test that a satisfaction question uses the reader's language and channel, and waits for the end of the night."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from campaigns.channels.models import ChannelAccount
from campaigns.channels.services.accounts import save_account
from campaigns.messages.models import Message
from campaigns.messages.services import gate, messages
from campaigns.templates.models import Template
from campaigns.templates.services.contexts import readings
from campaigns.templates.services.presets import survey_template
from campaigns.templates.services.templates import Text, save_template
from core.base.actor import SYSTEM
from crm.desk.services import open_ticket, resolve_ticket
from tests.campaigns.conftest import policy

pytestmark = pytest.mark.django_db
SHANGHAI = ZoneInfo("Asia/Shanghai")


def resolved(customer, settle):
    ticket = open_ticket(customer=customer, subject="Where?", text="Where is it?", actor=SYSTEM)
    resolve_ticket(ticket=ticket, actor=SYSTEM)
    settle()
    return Message.objects.get(customer=customer)


@pytest.mark.parametrize(
    ("language", "shop", "expected"),
    [
        ("", "zh-hans", "zh-hans"),
        ("", "zh-CN", "zh-hans"),
        ("", "zh", "zh-hans"),
        ("zh-hant", "en", "zh-hans"),
        ("fr", "zh-hans", "zh-hans"),
        ("fr", "de", "en"),
        ("en-gb", "zh-hans", "en"),
        ("", "", "en"),
    ],
)
def test_a_text_is_looked_for_in_the_customers_language_the_shops_and_english(
    store, make_customer, settle, language, shop, expected
):
    policy()
    type(store).objects.update(language=shop)
    customer = make_customer()
    type(customer).objects.filter(pk=customer.pk).update(language=language)
    message = resolved(customer, settle)
    messages.send_due()
    message.refresh_from_db()
    assert (message.state, message.language) == ("sent", expected)


def test_english_comes_before_any_other_language(store, make_customer):
    policy()
    type(store).objects.update(language="ja")
    texts = [Text("de", "Hallo", "Hallo"), Text("en", "Hello", "Hello"), Text("fr", "Salut", "Salut")]
    template = save_template(name="Many", channel="inbox", texts=texts, actor=SYSTEM)
    message = messages.queue_message(customer=make_customer(), template=template, origin="test", occurrence="1")
    messages.send_due()
    message.refresh_from_db()
    assert message.language == "en"
    assert readings("zh-CN", "de") == ("zh-CN", "zh-hans", "zh", "de", "en")


def test_at_four_in_the_morning_it_is_held_and_goes_out_after_the_quiet_hours(
    store, make_customer, settle, monkeypatch
):
    policy(quiet_from="21:00", quiet_until="09:00", spread_minutes=0)
    message = resolved(make_customer(), settle)
    night = (datetime.now(SHANGHAI) + timedelta(days=1)).replace(hour=4, minute=0, second=0, microsecond=0)
    monkeypatch.setattr("campaigns.messages.services.messages.clock.now", lambda: night)
    messages.claim_batch()
    message.refresh_from_db()
    assert (message.state, message.reason) == ("held", "quiet_hours")
    assert message.due_at == night.replace(hour=9)
    monkeypatch.setattr("campaigns.messages.services.messages.clock.now", lambda: night.replace(hour=9))
    messages.claim_batch()
    message.refresh_from_db()
    assert (message.state, message.step) == ("sent", "survey")


def test_transactional_messages_skip_the_quiet_hours(store, make_customer):
    policy(quiet_from="00:00", quiet_until="23:59")
    template = save_template(
        name="Receipt", channel="inbox", texts=[Text("en", "Hello", "Hello")], actor=SYSTEM,
        message_class="transactional",
    )  # fmt: skip
    message = messages.queue_message(customer=make_customer(), template=template, origin="test", occurrence="1")
    (ruling,) = gate.judge_messages([message.pk], datetime.now(SHANGHAI).replace(hour=4))
    assert ruling.reason is None


GATEWAY = {"url": "https://sms.example.com/send", "secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}
ALIYUN = {
    "access_key_id": "a", "access_key_secret": "b", "sign_name": "Shop", "callback_key": "12345678901234567890",
}  # fmt: skip


def account(provider, values, monkeypatch):
    monkeypatch.setattr("core.http.outgoing.check_url", lambda url: None)
    from campaigns.channels.registry import PROVIDERS

    given = {field.name: values.get(field.name, field.default or "x") for field in PROVIDERS[provider].fields}
    return save_account(provider=provider, values={**given, **values}, actor=SYSTEM)


def sms_provider():
    from campaigns.channels.registry import PROVIDERS

    return next(one.name for one in PROVIDERS if one.channel == "sms" and not one.by_template)


def test_a_customer_with_only_a_phone_number_is_asked_by_sms_with_a_provider(store, make_customer, settle, monkeypatch):
    assert resolved(make_customer(phone="13800138000"), settle).channel == "inbox", "no provider"
    account(sms_provider(), GATEWAY, monkeypatch)
    assert resolved(make_customer(phone="13800138001"), settle).channel == "sms"
    assert resolved(make_customer(phone="13800138002", email="a@example.com"), settle).channel == "email"
    assert resolved(make_customer(), settle).channel == "inbox"
    ChannelAccount.objects.update(active=False)
    assert resolved(make_customer(phone="13800138003"), settle).channel == "inbox"


def test_a_provider_of_approved_templates_needs_the_id_of_one(store, make_customer, settle, monkeypatch):
    account("aliyun", ALIYUN, monkeypatch)
    assert resolved(make_customer(phone="13800138000"), settle).channel == "inbox"
    template = survey_template("sms")
    texts = [Text(row.language, row.body, "SMS_1") for row in template.texts.all()]
    save_template(
        name=template.name, channel="sms", texts=texts, template=template, message_class="transactional", actor=SYSTEM
    )
    assert resolved(make_customer(phone="13800138001"), settle).channel == "sms"
    assert Template.objects.filter(channel="sms").count() == 1
