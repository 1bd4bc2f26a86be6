"""Test J1, J4-J6, X1: the gate on plain values against a naive model, and the batch statement against the gate."""

from __future__ import annotations

import random
import uuid
from collections import Counter, defaultdict
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.db import connection, transaction
from hypothesis import given, settings
from hypothesis import strategies as st

from campaigns.messages.models import Message, Suppression
from campaigns.messages.rules import GateReason, Verdict
from campaigns.messages.services import gate
from campaigns.templates.models import Template
from campaigns.templates.services.templates import Text, save_template
from core.base import zones as base_zones
from core.base.actor import SYSTEM
from crm.customers.models import Consent, Customer, Identity
from crm.customers.services.identities import index_of
from tests.campaigns.conftest import policy
from tests.reference.gate import (
    Decision,
    GateCandidate,
    GatePolicy,
    bucket,
    capped,
    decide,
    instant,
    quiet_until,
    spread,
)

ZONES = ["Asia/Shanghai", "America/New_York", "Europe/London", "Australia/Lord_Howe", "Asia/Kathmandu", "UTC"]
moments = st.datetimes(datetime(2025, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC))
times = st.builds(time, st.integers(0, 23), st.sampled_from([0, 15, 30, 59]))
ID = uuid.UUID("00000000-0000-4000-8000-00000000abcd")


@given(moments, st.sampled_from(ZONES), times, times)
@settings(max_examples=400, deadline=None)
def test_quiet_hours_against_a_naive_model(now, zone, start, end):
    """Walk forward minute by minute: quiet until the first minute outside the window."""
    local = now.astimezone(ZoneInfo(zone)).time()
    inside = start != end and (start <= local < end if start < end else local >= start or local < end)
    until = quiet_until(now, zone, start, end)
    assert (until is not None) == inside
    if until is not None:
        assert now < until <= now + timedelta(hours=25, minutes=30)
        wall = until.astimezone(ZoneInfo(zone))
        skipped = instant(wall.replace(tzinfo=None), zone) != until
        assert wall.time().replace(fold=0) == end or skipped or wall.time() > end


def test_quiet_hours_that_cross_midnight_by_hand():
    night = (time(21), time(9))
    at = lambda hour, minute=0, day=10: datetime(2026, 3, day, hour, minute, tzinfo=ZoneInfo("Asia/Shanghai"))  # noqa: E731
    assert quiet_until(at(20, 59), "Asia/Shanghai", *night) is None
    assert quiet_until(at(21), "Asia/Shanghai", *night) == at(9, day=11)
    assert quiet_until(at(0), "Asia/Shanghai", *night) == at(9)
    assert quiet_until(at(8, 59), "Asia/Shanghai", *night) == at(9)
    assert quiet_until(at(9), "Asia/Shanghai", *night) is None
    assert quiet_until(at(3), "Asia/Shanghai", time(9), time(9)) is None, "the same time twice is off"


def test_days_with_a_clock_change_by_hand():
    new_york = ZoneInfo("America/New_York")
    # 8 March 2026, 02:00 becomes 03:00: a window that ends at 02:30 ends half an hour after the change.
    before = datetime(2026, 3, 8, 1, 30, tzinfo=new_york)
    assert quiet_until(before, "America/New_York", time(1), time(2, 30)) == datetime(2026, 3, 8, 7, 30, tzinfo=UTC)
    # 1 November 2026, 02:00 becomes 01:00: a window that ends at 01:30 ends at the second 01:30.
    assert quiet_until(
        datetime(2026, 11, 1, 0, 30, tzinfo=new_york), "America/New_York", time(0), time(1, 30)
    ) == datetime(2026, 11, 1, 6, 30, tzinfo=UTC)


def test_caps_count_calendar_days_and_weeks_in_the_customers_zone():
    # Sunday 23:30 in Shanghai, Sunday 15:30 in UTC.
    now = datetime(2026, 3, 15, 15, 30, tzinfo=UTC)

    def had(sent):
        return GateCandidate(ID, "Asia/Shanghai", sent=sent, sent_alike=sent)

    limits = GatePolicy(cap_day=1, cap_week=3)
    yesterday = datetime(2026, 3, 14, 15, 59, tzinfo=UTC)
    assert capped(had((yesterday,)), limits, now) is None, "23:59 on Saturday"
    assert capped(had((yesterday + timedelta(minutes=1),)), limits, now) is GateReason.CAP_DAY
    monday = datetime(2026, 3, 8, 16, 0, tzinfo=UTC)
    assert capped(had((monday,) * 3), limits, now) is GateReason.CAP_WEEK
    assert capped(had((monday - timedelta(seconds=1),) * 3), limits, now) is None
    assert capped(had((now,) * 50), GatePolicy(cap_day=0, cap_week=None), now) is None, "0 and empty are no cap"
    kinds = GatePolicy(marketing_day=1, survey_day=2)
    assert capped(had((now,)), kinds, now) is GateReason.CAP_PURPOSE_DAY
    assert capped(GateCandidate(ID, "UTC", survey=True, sent=(now,) * 9, sent_alike=(now,)), kinds, now) is None


def test_the_order_of_reasons_and_checks_skipped_by_transactional_messages():
    now = datetime(2026, 3, 10, 22, 0, tzinfo=ZoneInfo("Asia/Shanghai"))
    limits = GatePolicy(cap_day=1, cap_week=1, quiet_from=time(21), quiet_until=time(9), stale_hours=48)
    worst = {
        "customer_active": False, "duplicate": True, "holdout": True, "unmatched": "left_segment",
        "waiting_since": now - timedelta(hours=49), "has_address": False, "suppressed": True, "granted": False,
        "sent": (now,),
    }  # fmt: skip
    cured = dict(worst)
    seen = []
    cures = [
        ("customer_active", True), ("duplicate", False), ("holdout", False), ("unmatched", None),
        ("waiting_since", now - timedelta(hours=48)), ("has_address", True), ("suppressed", False), ("granted", True),
    ]  # fmt: skip
    for name, value in cures:
        seen.append(decide(GateCandidate(ID, "Asia/Shanghai", **cured), limits, now).reason)
        cured[name] = value
    assert seen == [
        "customer_not_active", "duplicate", "holdout", "left_segment",
        "stale", "no_address", "suppressed", "no_consent",
    ]  # fmt: skip
    held = decide(GateCandidate(ID, "Asia/Shanghai", **cured), limits, now)
    assert held == Decision(Verdict.HOLD, GateReason.QUIET_HOURS, datetime(2026, 3, 11, 1, 0, tzinfo=UTC))
    noon = now.replace(hour=12)
    assert decide(GateCandidate(ID, "Asia/Shanghai", **{**cured, "sent": (noon,)}), limits, noon).reason == "cap_day"
    service = {
        **worst,
        "customer_active": True,
        "duplicate": False,
        "holdout": False,
        "unmatched": None,
        "marketing": False,
    }
    assert decide(GateCandidate(ID, "UTC", **{**service, "has_address": True}), limits, now).reason == "suppressed"
    free = {**service, "has_address": True, "suppressed": False}
    assert decide(GateCandidate(ID, "UTC", **free), limits, now) == Decision(Verdict.SEND)
    assert decide(GateCandidate(ID, "UTC", **free, survey=True), limits, now).reason == "no_consent"
    assert decide(GateCandidate(ID, "UTC", **{**free, "granted": None}, survey=True), limits, now).reason == "cap_day"


def test_consent_is_a_yes_where_the_channel_needs_one():
    now = datetime(2026, 3, 10, 12, tzinfo=UTC)
    for granted, opt_in, reason in [
        (None, True, "no_consent"), (False, True, "no_consent"), (True, True, None),
        (None, False, None), (False, False, "no_consent"), (True, False, None),
    ]:  # fmt: skip
        assert decide(GateCandidate(ID, "UTC", granted=granted, opt_in=opt_in), GatePolicy(), now).reason == reason


def test_the_holdout_hash_is_the_same_in_the_database(db):
    buckets = [bucket("care:7", customer) for customer in range(1, 5001)]
    with connection.cursor() as cursor:
        cursor.execute("SELECT campaigns_bucket('care:7', g) FROM generate_series(1, 5000) AS g ORDER BY g")
        assert buckets == [row[0] for row in cursor.fetchall()]
    share = sum(value < 10 for value in buckets) / 5000
    assert 0.08 < share < 0.12
    assert bucket("care:8", 1) != bucket("care:7", 1) or bucket("care:8", 2) != bucket("care:7", 2)


def test_the_spread_is_the_same_in_the_database(db):
    ids = [uuid.uuid4() for _ in range(200)]
    with connection.cursor() as cursor:
        cursor.execute("SELECT campaigns_spread(g, 30) FROM unnest(%s::uuid[]) AS g", [ids])
        assert [row[0] for row in cursor.fetchall()] == [spread(one, 30) for one in ids]
    assert all(timedelta() <= spread(one, 30) < timedelta(minutes=30) for one in ids)
    assert spread(ids[0], 0) == timedelta()


def test_quiet_hours_are_the_same_in_the_database(db):
    rng = random.Random(7)
    changes = [
        datetime(2026, 3, 8, 6, tzinfo=UTC),
        datetime(2026, 11, 1, 5, tzinfo=UTC),
        datetime(2026, 3, 29, tzinfo=UTC),
    ]
    rows = []
    for _ in range(3000):
        base = rng.choice([*changes, datetime(2026, rng.randint(1, 12), rng.randint(1, 28), tzinfo=UTC)])
        rows.append(
            (
                base + timedelta(minutes=rng.randint(-1500, 1500), seconds=rng.randint(0, 59)),
                rng.choice(ZONES),
                time(rng.randint(0, 23), rng.choice([0, 15, 30])),
                time(rng.randint(0, 23), rng.choice([0, 15, 30])),
            )
        )
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT campaigns_quiet_until(n, z, f, u)
               FROM unnest(%s::timestamptz[], %s::text[], %s::time[], %s::time[])
               WITH ORDINALITY AS g(n, z, f, u, i) ORDER BY i""",
            [list(column) for column in zip(*rows, strict=True)],
        )
        assert [row[0] for row in cursor.fetchall()] == [quiet_until(*row) for row in rows]


def _people(rng: random.Random, count: int) -> list[Customer]:
    states = ["active"] * 12 + ["erased"]
    people = Customer.objects.bulk_create(
        [
            Customer(
                name=f"P{n}",
                number=f"P{n}",
                time_zone=rng.choice([*ZONES, "", "Nowhere/Land"]),
                state=rng.choice(states),
            )
            for n in range(count)
        ]
    )
    identities, consents, suppressions = [], [], []
    for person in people:
        addresses = [f"p{person.pk}.{i}@example.com" for i in range(rng.choice([0, 1, 1, 1, 2]))]
        for address in addresses:
            value = index_of("email", address)
            identities.append(Identity(customer=person, kind="email", value=address, value_index=value))
            if rng.random() < 0.2:
                lifted = rng.choice([None, None, datetime(2026, 1, 1, tzinfo=UTC)])
                suppressions.append(
                    Suppression(channel="memory", address_index=value, reason="bounce", lifted_at=lifted)
                )
        if rng.random() < 0.1:
            suppressions.append(Suppression(customer=person, channel=rng.choice(["memory", "inbox"]), reason="manual"))
        for channel in ("memory", "inbox"):
            for purpose in ("marketing", "service"):
                if rng.random() < 0.7:
                    consents.append(
                        Consent(
                            customer=person,
                            channel=channel,
                            purpose=purpose,
                            source="test",
                            decision=rng.choice(["granted", "granted", "withdrawn"]),
                            given_at=datetime(2026, 1, 1, tzinfo=UTC),
                        )
                    )
    Identity.objects.bulk_create(identities)
    Consent.objects.bulk_create(consents)
    Suppression.objects.bulk_create(suppressions)
    return people


def _message(person: Customer, template: Template, channel: str, **fields) -> Message:
    values = {
        "message_class": "marketing", "origin": "test", "template_version": 1, "occurrence": str(uuid.uuid4()),
        **fields,
    }  # fmt: skip
    return Message(customer=person, template=template, channel=channel, **values)


@pytest.mark.parametrize("seed", range(6))
def test_the_batch_statement_decides_as_the_gate_does(store, memory, seed):
    rng = random.Random(seed)
    now = rng.choice(
        [
            datetime(2026, 3, 8, 7, 15, tzinfo=UTC), datetime(2026, 11, 1, 6, 15, tzinfo=UTC),
            datetime(2026, 6, 1, 0, 30, tzinfo=UTC), datetime(2026, 10, 4, 15, 45, tzinfo=UTC),
            datetime(2026, 2, 16, 13, 5, tzinfo=UTC), datetime(2026, 12, 31, 23, 59, tzinfo=UTC),
        ]
    )  # fmt: skip
    limits = policy(
        cap_per_day=rng.choice([None, 0, 1, 2]), cap_per_week=rng.choice([None, 0, 2, 4]),
        stale_hours=rng.choice([0, 24]), quiet_from=rng.choice(["21:00", "00:00", "12:30"]),
        quiet_until=rng.choice(["09:00", "00:00", "14:00"]), spread_minutes=rng.choice([0, 30]),
        marketing_per_day=rng.choice([None, 1]), marketing_per_week=rng.choice([None, 2]),
        surveys_per_day=rng.choice([None, 0, 1]), surveys_per_week=rng.choice([None, 1]),
    )  # fmt: skip
    template = save_template(name="T", channel="memory", texts=[Text("en", "Hi", "S")], actor=SYSTEM)
    people = _people(rng, 400)
    history, wanted = [], []
    for person in people:
        for _ in range(rng.choice([0, 0, 1, 2, 4])):
            at = now - timedelta(minutes=rng.randint(1, 12_000))
            state = rng.choice(["sent", "sent", "sending", "uncertain", "failed", "suppressed"])
            history.append(
                _message(
                    person,
                    template,
                    rng.choice(["memory", "inbox"]),
                    state=state,
                    decided_at=at,
                    sent_at=at if state == "sent" else None,
                    reason="no_consent" if state == "suppressed" else "",
                    message_class=rng.choice(["marketing", "marketing", "transactional"]),
                    step=rng.choice(["send", "send", "survey"]),
                )
            )
        for _ in range(rng.choice([1, 1, 1, 2, 3])):
            due = now - timedelta(minutes=rng.randint(0, 3000))
            held = rng.random() < 0.3
            twin = rng.random() < 0.1
            message = _message(
                person, template, rng.choice(["memory", "inbox"]), state="held" if held else "queued", due_at=due,
                reason="quiet_hours" if held else "",
                decided_at=due - timedelta(minutes=rng.randint(0, 600)) if held else None,
                message_class=rng.choice(["marketing", "marketing", "transactional"]),
                step=rng.choice(["send", "send", "survey"]), origin=rng.choice(["test", "care:999999"]),
            )  # fmt: skip
            wanted.append(message)
            if twin:
                history.append(
                    _message(
                        person,
                        template,
                        message.channel,
                        origin=message.origin,
                        origin_version=2,
                        step=message.step,
                        occurrence=message.occurrence,
                        state="sent",
                        sent_at=now - timedelta(days=20),
                        decided_at=now - timedelta(days=20),
                    )
                )
    Message.objects.bulk_create([*history, *wanted])

    with transaction.atomic():
        rulings = {ruling.id: ruling for ruling in gate.judge_messages([message.pk for message in wanted], now)}
    assert len(rulings) == len(wanted)
    expected = _expected(people, history, wanted, limits, now)
    for message in wanted:
        ruling, decision = rulings[message.pk], expected[message.pk]
        assert (ruling.verdict, ruling.reason, ruling.held_until) == (
            decision.verdict,
            decision.reason,
            decision.held_until,
        )
    assert len(Counter(decision.reason for decision in expected.values())) >= 6, "the mix is not trivial"


def _expected(people, history, wanted, row, now) -> dict:
    """Decide each customer's messages in order, each seeing the messages that passed before it."""
    limits = GatePolicy(
        row.cap_per_day, row.cap_per_week, row.marketing_per_day, row.marketing_per_week, row.surveys_per_day,
        row.surveys_per_week, row.quiet_from, row.quiet_until, row.stale_hours, row.spread_minutes,
    )  # fmt: skip
    zones = base_zones.known_zones()
    identities = defaultdict(list)
    for identity in Identity.objects.all():
        identities[identity.customer_id].append(bytes(identity.value_index))
    dead_addresses, dead_people = set(), set()
    for gone in Suppression.objects.filter(lifted_at=None):
        if gone.address_index is not None:
            dead_addresses.add((gone.channel, bytes(gone.address_index)))
        else:
            dead_people.add((gone.channel, gone.customer_id))
    consent = {(c.customer_id, c.channel, c.purpose): c.decision == "granted" for c in Consent.objects.all()}
    sent = defaultdict(list)
    taken = set()
    for message in history:
        if message.state in {"sent", "sending", "uncertain"}:
            taken.add((message.customer_id, message.origin, message.step, message.occurrence, message.channel))
            if message.message_class == "marketing" or message.step == "survey":
                sent[message.customer_id].append((message.sent_at or message.decided_at, message.step == "survey"))
    by_id = {person.pk: person for person in people}
    decisions = {}
    for message in sorted(wanted, key=lambda m: (m.due_at, str(m.pk))):
        person = by_id[message.customer_id]
        own = identities[person.pk]
        usable = [a for a in own if (message.channel, a) not in dead_addresses]
        needs_address = message.channel == "memory"
        purpose = "service" if message.step == "survey" else "marketing"
        candidate = GateCandidate(
            id=message.pk,
            zone=person.time_zone if person.time_zone in zones else "Asia/Shanghai",
            customer_active=person.state == "active",
            duplicate=(person.pk, message.origin, message.step, message.occurrence, message.channel) in taken,
            unmatched="rule_paused" if message.origin.startswith("care:") else None,
            waiting_since=message.decided_at if message.state == "held" else message.due_at,
            has_address=bool(own) or not needs_address,
            suppressed=(needs_address and bool(own) and not usable) or (message.channel, person.pk) in dead_people,
            granted=consent.get((person.pk, message.channel, purpose)),
            opt_in=message.channel == "memory",
            marketing=message.message_class == "marketing",
            survey=message.step == "survey",
            sent=tuple(at for at, _survey in sent[person.pk]),
            sent_alike=tuple(at for at, survey in sent[person.pk] if survey == (message.step == "survey")),
        )
        decisions[message.pk] = decide(candidate, limits, now)
        if decisions[message.pk].verdict is Verdict.SEND and (candidate.marketing or candidate.survey):
            sent[person.pk].append((now, candidate.survey))
    return decisions


def test_a_birthday_on_29_february_follows_the_shops_setting():
    from crm.customers.rules.birthdays import celebrated_on

    assert celebrated_on(date(2027, 2, 28), "02-28") == [(2, 28), (2, 29)]
    assert celebrated_on(date(2027, 3, 1), "02-28") == [(3, 1)]
    assert celebrated_on(date(2027, 3, 1), "03-01") == [(3, 1), (2, 29)]
    assert celebrated_on(date(2028, 2, 28), "02-28") == [(2, 28)]
    assert celebrated_on(date(2028, 2, 29), "02-28") == [(2, 29)]
