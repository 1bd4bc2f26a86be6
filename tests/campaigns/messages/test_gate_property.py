"""Test J1, J5, J6 as a property: the batch statement decides as an independent model does.

The model is written only from the words of the rules, decides one message after another, and uses no code of the gate.
Consents, caps, zones, days with a clock change and quiet hours are random.
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from itertools import count
from zoneinfo import ZoneInfo

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from campaigns.messages.models import Message, Suppression
from campaigns.messages.services import gate
from campaigns.templates.services.templates import Text, save_template
from core.base.actor import SYSTEM
from crm.customers.models import Consent, Customer, Identity
from crm.customers.services.identities import index_of
from tests.campaigns.conftest import policy

SHOP = "Asia/Shanghai"
# Havana's midnight comes twice in November and not at all in March; Lord Howe's clock moves by half an hour.
ZONES = [
    "",
    "Nowhere/Land",
    "Asia/Shanghai",
    "America/Havana",
    "Europe/London",
    "Australia/Lord_Howe",
    "America/New_York",
    "Asia/Kathmandu",
]
CHANGES = [
    datetime(2026, 3, 8, 5, tzinfo=UTC), datetime(2026, 11, 1, 5, tzinfo=UTC), datetime(2026, 3, 8, 7, tzinfo=UTC),
    datetime(2026, 11, 1, 6, tzinfo=UTC), datetime(2026, 3, 29, 1, tzinfo=UTC), datetime(2026, 10, 25, 1, tzinfo=UTC),
    datetime(2026, 4, 4, 15, tzinfo=UTC), datetime(2026, 10, 3, 15, 30, tzinfo=UTC),
    datetime(2026, 6, 1, 0, tzinfo=UTC),
]  # fmt: skip
caps = st.sampled_from([None, 0, 1, 2, 3])
minutes = st.integers(-1600, 1600)
quarters = st.builds(time, st.integers(0, 23), st.sampled_from([0, 30]))


@dataclass
class Person:
    zone: str
    active: bool
    address: bool
    consent: dict
    blocked: bool
    sent: list = field(default_factory=list)
    wanted: list = field(default_factory=list)


consents = st.fixed_dictionaries(
    {
        (channel, purpose): st.sampled_from([None, True, True, False])
        for channel in ("memory", "inbox")
        for purpose in ("marketing", "service")
    }
)
kinds = st.sampled_from(["marketing", "marketing", "transactional", "survey"])
people = st.lists(
    st.builds(
        Person,
        zone=st.sampled_from(ZONES),
        active=st.sampled_from([True, True, True, False]),
        address=st.sampled_from([True, True, True, False]),
        consent=consents,
        blocked=st.sampled_from([False, False, False, True]),
        sent=st.lists(st.tuples(st.integers(0, 9000), kinds), max_size=4),
        wanted=st.lists(
            st.tuples(st.integers(0, 3000), kinds, st.sampled_from(["memory", "inbox"])), min_size=1, max_size=4
        ),
    ),
    min_size=1,
    max_size=4,
)
limits = st.fixed_dictionaries(
    {
        "cap_per_day": caps, "cap_per_week": caps, "marketing_per_day": caps, "marketing_per_week": caps,
        "surveys_per_day": caps, "surveys_per_week": caps, "quiet_from": quarters, "quiet_until": quarters,
        "stale_hours": st.sampled_from([0, 0, 24]), "spread_minutes": st.just(0),
    }
)  # fmt: skip


def model(person: Person, rules: dict, now: datetime) -> list[str]:
    """Return the decision on each wanted message, in the order in which they are due."""
    known = person.zone in {"", "Nowhere/Land"}
    zone = ZoneInfo(SHOP if known else person.zone)
    local = now.astimezone(zone)
    had = [
        ((now - timedelta(minutes=ago)).astimezone(zone).date(), kind)
        for ago, kind in person.sent
        if kind != "transactional"
    ]
    answers = []
    for ago, kind, channel in person.wanted:
        marketing, survey = kind == "marketing", kind == "survey"
        said = person.consent[channel, "service" if survey else "marketing"]
        quiet = within(local.time(), rules["quiet_from"], rules["quiet_until"])
        if not person.active:
            answer = "customer_not_active"
        elif marketing and rules["stale_hours"] and ago > rules["stale_hours"] * 60:
            answer = "stale"
        elif channel == "memory" and not person.address:
            answer = "no_address"
        elif person.blocked and channel == "memory":
            answer = "suppressed"
        elif (marketing and channel == "memory" and said is not True) or ((marketing or survey) and said is False):
            answer = "no_consent"
        elif (marketing or survey) and quiet:
            answer = "quiet_hours"
        elif marketing or survey:
            answer = full(had, "survey" if survey else "marketing", rules, local.date())
            if answer == "sent":
                had.append((local.date(), kind))
        else:
            answer = "sent"
        answers.append(answer)
    return answers


def within(clock: time, start: time, end: time) -> bool:
    if start == end:
        return False
    return start <= clock < end if start < end else clock >= start or clock < end


def full(had: list, kind: str, rules: dict, today) -> str:
    monday = today - timedelta(days=today.weekday())
    own = "surveys" if kind == "survey" else "marketing"
    for name, since, only, reason in (
        ("cap_per_day", today, None, "cap_day"),
        ("cap_per_week", monday, None, "cap_week"),
        (f"{own}_per_day", today, kind, "cap_purpose_day"),
        (f"{own}_per_week", monday, kind, "cap_purpose_week"),
    ):
        counted = [day for day, was in had if day >= since and only in {None, was}]
        if rules[name] and len(counted) >= rules[name]:
            return reason
    return "sent"


class Undo(Exception):
    pass


@pytest.mark.django_db
@given(people=people, rules=limits, change=st.sampled_from(CHANGES), shift=minutes)
@settings(
    max_examples=80,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)
def test_the_gate_decides_like_the_model(store, memory, people, rules, change, shift):
    now = change + timedelta(minutes=shift)
    try:
        with transaction.atomic():
            agree(people, rules, now)
            raise Undo
    except Undo:
        pass


_number = count()


def agree(people: list[Person], rules: dict, now: datetime) -> None:
    policy(**rules)
    template = save_template(name=f"T{next(_number)}", channel="memory", texts=[Text("en", "x", "y")], actor=SYSTEM)
    expected: dict[uuid.UUID, str] = {}
    rows: list[Message] = []
    asked: dict[int, list[uuid.UUID]] = defaultdict(list)
    for person in people:
        # Due times differ, so that the order is the same for both.
        person.wanted = sorted(
            {ago: (ago, kind, channel) for ago, kind, channel in person.wanted}.values(), reverse=True
        )
        customer = Customer.objects.create(
            name="P", number=f"G{next(_number)}", time_zone=person.zone, state="active" if person.active else "erased"
        )
        if person.address:
            value = f"g{customer.pk}@example.com"
            index = index_of("email", value)
            Identity.objects.create(customer=customer, kind="email", value=value, value_index=index)
            if person.blocked:
                Suppression.objects.create(channel="memory", address_index=index, reason="bounce")
        elif person.blocked:
            Suppression.objects.create(channel="memory", customer=customer, reason="manual")
        for (channel, purpose), said in person.consent.items():
            if said is not None:
                Consent.objects.create(
                    customer=customer, channel=channel, purpose=purpose, source="test",
                    decision="granted" if said else "withdrawn", given_at=datetime(2025, 1, 1, tzinfo=UTC),
                )  # fmt: skip
        for ago, kind in person.sent:
            rows.append(_message(customer, template, "inbox", kind, state="sent", sent_at=now - timedelta(minutes=ago)))
        for (ago, kind, channel), answer in zip(person.wanted, model(person, rules, now), strict=True):
            message = _message(customer, template, channel, kind, state="queued", due_at=now - timedelta(minutes=ago))
            rows.append(message)
            asked[customer.pk].append(message.pk)
            expected[message.pk] = answer
    Message.objects.bulk_create(rows)
    rulings = gate.judge_messages([pk for ids in asked.values() for pk in ids], now)
    assert {ruling.id: ruling.reason or "sent" for ruling in rulings} == expected
    for ruling in rulings:
        if ruling.reason == "quiet_hours":
            assert ruling.held_until > now


def _message(customer, template, channel, kind, **fields) -> Message:
    return Message(
        customer=customer, template=template, template_version=1, channel=channel, origin="test",
        occurrence=str(uuid.uuid4()), message_class="marketing" if kind == "marketing" else "transactional",
        step="survey" if kind == "survey" else "send", **fields,
    )  # fmt: skip
