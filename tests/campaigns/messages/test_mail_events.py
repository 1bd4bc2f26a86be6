"""Test reports of e-mail providers through anymail: bounces and complaints suppress once, forged calls do nothing."""

from __future__ import annotations

import base64
import json

import pytest
from django.test import override_settings
from django.utils import timezone

from campaigns.messages.models import Message, Suppression
from campaigns.templates.services.templates import Text, save_template
from core.base.actor import SYSTEM
from core.events.models import DomainEvent

pytestmark = pytest.mark.django_db
KEY = "shop:secret"
POSTMARK = "/hooks/email/postmark/"


@pytest.fixture
def message(make_customer):
    customer = make_customer("Ada", email="ada@example.com")
    template = save_template(name="T", channel="email", texts=[Text("en", "x", "y")], actor=SYSTEM)
    return Message.objects.create(
        customer=customer, channel="email", message_class="marketing", origin="x", occurrence="1", template=template,
        template_version=1, state="sent", sent_at=timezone.now(),
    )  # fmt: skip


def call(client, body, key=KEY, path=POSTMARK):
    headers = {"Authorization": "Basic " + base64.b64encode(key.encode()).decode()} if key else {}
    return client.post(path, json.dumps(body), content_type="application/json", headers=headers)


def bounced(message, **fields) -> dict:
    return {
        "RecordType": "Bounce", "Type": "HardBounce", "Email": "ada@example.com", "MessageID": "p-1", "ID": 4,
        "Description": "no such user", "BouncedAt": "2026-01-01T00:00:00Z", "Metadata": {"message": str(message.pk)},
        **fields,
    }  # fmt: skip


@pytest.fixture(autouse=True)
def _keyed():
    with override_settings(ANYMAIL={"WEBHOOK_SECRET": [KEY]}):
        yield


def test_a_bounce_fails_the_message_and_suppresses_the_address_once(client, message):
    for _ in range(3):
        assert call(client, bounced(message)).status_code == 200
    message.refresh_from_db()
    assert (message.state, message.reason, message.error) == ("failed", "undelivered", "no such user")
    row = Suppression.objects.get()
    assert (row.channel, row.reason, row.customer) == ("email", "bounce", message.customer)
    assert DomainEvent.objects.filter(kind="campaigns.address_suppressed").count() == 1


def test_a_complaint_suppresses_and_the_message_stays_sent(client, message):
    complaint = {"RecordType": "SpamComplaint", "Type": "SpamComplaint", "Email": "ADA@example.com", "MessageID": "p-1",
                 "ID": 5, "BouncedAt": "2026-01-01T00:00:00Z", "Metadata": {"message": str(message.pk)}}  # fmt: skip
    for _ in range(2):
        assert call(client, complaint).status_code == 200
    message.refresh_from_db()
    assert message.state == "sent"
    assert Suppression.objects.get().reason == "complaint"


def test_a_delivery_is_recorded(client, message):
    delivery = {"RecordType": "Delivery", "Recipient": "ada@example.com", "MessageID": "p-1",
                "DeliveredAt": "2026-01-01T00:00:00Z", "Metadata": {"message": str(message.pk)}}  # fmt: skip
    assert call(client, delivery).status_code == 200
    message.refresh_from_db()
    assert message.delivered_at is not None


def test_a_call_without_the_key_changes_nothing(client, message):
    for key in ("", "shop:wrong"):
        assert call(client, bounced(message), key=key).status_code == 400
    assert call(client, bounced(message), path="/hooks/email/nobody/").status_code == 404
    with override_settings(ANYMAIL={"WEBHOOK_SECRET": []}):
        assert call(client, bounced(message)).status_code == 404
    message.refresh_from_db()
    assert message.state == "sent"
    assert not Suppression.objects.exists()


def test_an_event_of_a_foreign_mail_only_suppresses(client, message):
    assert call(client, bounced(message, Metadata={}, Email="other@example.com")).status_code == 200
    message.refresh_from_db()
    assert message.state == "sent"
    assert Suppression.objects.get().customer is None
