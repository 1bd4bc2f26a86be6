"""The cards of the channels: state, missing credentials, health, a test message."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest
from django.core import mail
from django.urls import reverse
from django.utils import timezone

from campaigns.channels.models import ChannelAccount
from campaigns.channels.registry import CHANNELS
from campaigns.channels.services.accounts import save_account
from campaigns.channels.services.testing import send_test
from campaigns.messages.models import Message
from campaigns.messages.selectors.channel_health import channel_health
from core.base.actor import SYSTEM
from core.base.errors import Conflict, Invalid
from core.security.roles import Role
from core.sending import services as sending_hold

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("open_policy")]


@pytest.fixture
def administrator(as_role):
    return as_role(Role.ADMINISTRATOR)


def cards(client) -> dict:
    return {card.name: card for card in client.get(reverse("channels")).context["cards"]}


def test_every_channel_has_a_card_with_a_guide(administrator, settings):
    settings.EMAIL_PROVIDER = "postmark"
    shown = cards(administrator)
    assert list(shown) == ["email", "inbox", "sms", "wechat", "wecom", "webhook"]
    assert [shown[name].state for name in ("email", "inbox", "sms")] == [
        ("Ready", "good"), ("Ready", "good"), ("Not set up", "off"),
    ]  # fmt: skip
    assert all(steps for card in shown.values() for _label, steps in card.guides)
    page = administrator.get(reverse("channels")).content.decode()
    assert f"{reverse('channel_new')}?provider=aliyun" in page
    assert reverse("channel_test", args=["email"]) in page
    assert reverse("channel_test", args=["sms"]) not in page


def test_missing_credentials_and_a_switched_off_account_are_named(administrator):
    account = ChannelAccount.objects.create(channel="sms", provider="aliyun", settings={"access_key_id": "id"})
    card = cards(administrator)["sms"]
    assert card.state == ("Credentials are missing", "bad")
    assert card.accounts[0].missing == ["AccessKey Secret", "Signature of the SMS", "Key of the receipts"]
    account.active = False
    account.save()
    assert cards(administrator)["sms"].state == ("Switched off", "off")


def test_secrets_are_not_on_the_page(administrator):
    secret = "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz"
    save_account(provider="gateway", values={"url": "http://127.0.0.1:1/", "secret": secret}, actor=SYSTEM)
    page = administrator.get(reverse("channels")).content.decode()
    assert secret not in page
    assert secret.removeprefix("whsec_") not in page


def message(customer, template, **values) -> None:
    row = Message(
        id=uuid.uuid4(), customer=customer, channel="email", message_class="marketing", origin="care:1",
        occurrence=str(uuid.uuid4()), template=template, template_version=1,
    )  # fmt: skip
    for name, value in values.items():
        setattr(row, name, value)
    row.save()


def test_health_counts_the_last_24_hours(make_customer, template):
    # given messages that were sent, failed and wait, now and two days ago
    customer, now = make_customer(), timezone.now()
    old = now - timedelta(hours=30)
    for _place in range(3):
        message(customer, template, state="sent", sent_at=now, decided_at=now)
    message(customer, template, state="sent", sent_at=old, decided_at=old)
    message(customer, template, state="failed", decided_at=now - timedelta(hours=2), error="550: no such user")
    message(customer, template, state="failed", decided_at=old, error="old")
    message(customer, template, state="queued", due_at=now - timedelta(minutes=5))
    message(customer, template, state="queued", due_at=now + timedelta(minutes=5))
    # when the health is read
    health = channel_health()["email"]
    # then
    assert (health.sent, health.failed, health.waiting) == (3, 1, 1)
    assert health.failure_rate == 0.25
    assert (health.last_sent_at, health.error) == (now, "550: no such user")
    assert "sms" not in channel_health()


def test_a_test_goes_to_the_own_address(administrator, staff):
    administrator.post(reverse("channel_test", args=["email"]), {"address": "me@shop.example"})
    (sent,) = mail.outbox
    assert (sent.to, sent.subject, Message.objects.count()) == (["me@shop.example"], "Test of Liuke", 0)


def test_a_test_through_a_provider(administrator, monkeypatch):
    save_account(provider="trial_sms", values={}, actor=SYSTEM)
    said = administrator.post(reverse("channel_test", args=["sms"]), {"address": "13800000000"}, follow=True)
    assert "The test was sent." in said.content.decode()


@pytest.mark.parametrize(
    ("channel", "address", "field", "code"),
    [
        ("fax", "1", "channel", "invalid_choice"),
        ("inbox", "", "channel", "invalid_choice"),
        ("email", "", "address", "required"),
        ("email", "no address", "address", "invalid"),
        ("sms", "1" * 201, "address", "required"),
    ],
)
def test_a_wrong_test_is_refused(db, channel, address, field, code):
    with pytest.raises(Invalid) as refused:
        send_test(channel=channel, address=address)
    assert (refused.value.field, refused.value.code) == (field, code)
    assert mail.outbox == []


def test_a_test_that_can_not_be_sent_says_why(monkeypatch):
    with pytest.raises(Conflict) as refused:
        send_test(channel="sms", address="13800000000")
    assert refused.value.code == "no_account"
    monkeypatch.setattr(CHANNELS["email"], "deliver", lambda batch: 1 / 0)
    with pytest.raises(Conflict) as refused:
        send_test(channel="email", address="me@shop.example")
    assert (refused.value.code, "ZeroDivisionError" in str(refused.value.message)) == ("not_sent", True)


def test_no_test_is_sent_while_sending_is_held(db):
    sending_hold.hold(actor=SYSTEM)
    with pytest.raises(Conflict) as refused:
        send_test(channel="email", address="me@shop.example")
    assert refused.value.code == "sending_held"
    assert mail.outbox == []
