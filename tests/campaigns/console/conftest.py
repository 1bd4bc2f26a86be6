"""Provide the signed-in user, a template, a rule and a message for the pages of campaigns."""

from __future__ import annotations

import pytest

from campaigns.models import Message
from campaigns.services.care import create_care_rule
from campaigns.services.messages import queue_message
from campaigns.services.templates import Text, save_template
from core.actor import SYSTEM
from core.roles import Role
from crm.services.consents import record_consent
from tests.campaigns.conftest import policy

PART = {"HX-Request": "true"}


@pytest.fixture(autouse=True)
def _open(store):
    policy()


@pytest.fixture
def as_role(client, staff):
    def sign_in(role, **fields):
        user = staff(role)
        for name, value in fields.items():
            setattr(user, name, value)
        user.save()
        client.force_login(user)
        return client

    return sign_in


@pytest.fixture
def marketer(as_role):
    return as_role(Role.MARKETER, email="me@shop.example")


@pytest.fixture
def template(store):
    texts = [Text("en", "<p>Hi {{ customer.first_name }}</p>", "Hello"), Text("zh-hans", "<p>您好</p>", "您好")]
    return save_template(name="Hello", channel="email", texts=texts, actor=SYSTEM)


@pytest.fixture
def rule(template):
    return create_care_rule(name="Win back", trigger="no_order", days=30, template=template, actor=SYSTEM)


@pytest.fixture
def message(make_customer, template):
    customer = make_customer("Ada Lovelace", email="ada@example.com")
    made = queue_message(customer=customer, template=template, origin="care:1", occurrence="1")
    assert made is not None
    return made


def settled(message, state, **fields):
    Message.objects.filter(pk=message.pk).update(state=state, **fields)
    message.refresh_from_db()
    return message


def consented(customer):
    record_consent(
        customer=customer, channel="email", purpose="marketing", decision="granted", source="test", actor=SYSTEM
    )
