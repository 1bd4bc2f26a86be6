"""Provide fixtures of campaigns: coupons, threads that start together, a channel that remembers."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from campaigns.care.services.care import create_care_rule
from campaigns.channels.registry import CHANNELS, Channel, DeliveryOutcome, DeliveryResult
from campaigns.coupons.services.coupons import create_coupon
from campaigns.messages.models import SendingPolicy
from campaigns.messages.services.messages import queue_message
from campaigns.templates.services.templates import Text, save_template
from core.base.actor import SYSTEM
from core.security.roles import Role


@pytest.fixture
def make_coupon(store):
    def make(**fields):
        values = {"name": "Summer", "kind": "amount", "value": 2_000, "actor": SYSTEM, **fields}
        if values.get("code"):
            values["mode"] = "public"
        return create_coupon(**values)

    return make


@pytest.fixture
def open_policy(store):
    """Remove caps and quiet hours."""
    return policy()


def policy(**values) -> SendingPolicy:
    fields = {"cap_per_day": 0, "cap_per_week": 0, "quiet_from": "00:00", "quiet_until": "00:00", **values}
    SendingPolicy.objects.update_or_create(pk=1, defaults=fields)
    return SendingPolicy.objects.get(pk=1)


class Memory(Channel):
    """Play a provider in memory: it stores what it got, answers as set, and can support look-ups."""

    name = "memory"
    address_kind = "email"
    html = True
    batch = 50

    def __init__(self) -> None:
        self.taken: list = []
        self.answers: dict = {}
        self.known: set[str] = set()
        self.on_deliver: Callable | None = None

    def deliver(self, batch):
        if self.on_deliver:
            self.on_deliver(batch)
        outcomes = []
        for item in batch:
            result = self.answers.get(item.customer_id, DeliveryResult.SENT)
            if result is DeliveryResult.SENT:
                self.taken.append(item)
                self.known.add(self.begin_id(item.id))
            outcomes.append(DeliveryOutcome(item.id, result, error="" if result is DeliveryResult.SENT else "said no"))
        return outcomes

    def find(self, provider_id):
        return provider_id in self.known


@pytest.fixture
def memory(monkeypatch) -> Memory:
    channel = Memory()
    monkeypatch.setitem(CHANNELS._items, "memory", channel)
    return channel


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
