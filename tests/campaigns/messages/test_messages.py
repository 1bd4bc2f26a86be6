"""Test claim, begin and record (J2): one delivery per message despite crashes; caps hold with two workers at once."""

from __future__ import annotations

import uuid
from collections import Counter
from datetime import timedelta

import pytest
from django.db import OperationalError
from django.utils import timezone

from campaigns.channels.registry import DeliveryOutcome, DeliveryResult
from campaigns.messages.models import Message, Suppression
from campaigns.messages.services import messages
from campaigns.messages.services.messages import (
    claim_batch,
    deliver_batch,
    mark_sent,
    queue_message,
    send_again,
    send_due,
    sweep_leases,
)
from campaigns.messages.services.suppressions import lift_suppression, suppress_customer
from campaigns.templates.services.templates import Text, save_template
from core.base.actor import SYSTEM
from core.base.errors import Conflict
from core.events.models import DomainEvent
from crm.customers.services.consents import record_consent
from tests.campaigns.conftest import policy
from tests.threads import at_once


@pytest.fixture
def template(store, memory):
    return save_template(
        name="Hello", channel="memory", actor=SYSTEM,
        texts=[
            Text("en", "<p>Hello {{ customer.first_name }}, {{ links.unsubscribe }}</p>",
                 "Hi {{ customer.first_name }}"),
            Text("zh-hans", "<p>您好,{{ customer.name }}</p>", "您好"),
        ],
    )  # fmt: skip


@pytest.fixture
def reachable(make_customer):
    """Create a customer with an address and consent on the test channel."""

    def make(name="Ada Lovelace", **fields):
        customer = make_customer(name, email=f"{uuid.uuid4().hex}@example.com", language="en", **fields)
        record_consent(
            customer=customer, channel="email", purpose="marketing", decision="granted", source="test", actor=SYSTEM
        )
        from crm.customers.models import Consent

        Consent.objects.create(
            customer=customer, channel="memory", purpose="marketing", decision="granted", source="test",
            given_at=timezone.now(),
        )  # fmt: skip
        return customer

    return make


def queue(customer, template, occurrence="1", **fields):
    return queue_message(customer=customer, template=template, origin="test", occurrence=occurrence, **fields)


def states() -> dict:
    return dict(Counter(Message.objects.values_list("state", flat=True)))


def expire_leases() -> None:
    Message.objects.filter(state="sending").update(leased_until=timezone.now() - timedelta(seconds=1))


pytestmark = pytest.mark.django_db


def test_a_message_is_rendered_in_the_customers_language_and_sent_once(open_policy, template, reachable, memory):
    ada, wang = reachable(), reachable("王小明")
    type(wang).objects.filter(pk=wang.pk).update(language="zh-hans")
    assert queue(ada, template) is not None
    assert queue(ada, template) is None, "the same occurrence is intended once (J2)"
    queue(wang, template)
    assert send_due() == 2
    assert send_due() == 0
    taken = {item.customer_id: item for item in memory.taken}
    assert taken[ada.pk].subject == "Hi Ada"
    assert taken[wang.pk].subject == "您好"
    assert taken[ada.pk].body.startswith("<p>Hello Ada, ")
    assert "/u/" in taken[ada.pk].unsubscribe_url
    message = Message.objects.get(customer=ada)
    assert (message.state, message.language, message.subject, message.attempts) == ("sent", "en", "Hi Ada", 1)
    assert message.provider_id == str(message.pk)
    assert message.sent_at is not None
    assert message.leased_until is None
    event = DomainEvent.objects.get(kind="campaigns.message_sent", subject_id=ada.pk)
    assert event.payload["subject"] == "Hi Ada"


def test_suppressed_messages_have_a_reason_and_reach_no_customer(
    open_policy, template, make_customer, reachable, memory
):
    silent = make_customer(email="silent@example.com")
    blocked, gone, addressless = reachable(), reachable(), make_customer()
    suppression = suppress_customer(customer=blocked, channel="memory", reason="manual", actor=SYSTEM)
    type(gone).objects.filter(pk=gone.pk).update(state="erased")
    for customer in (silent, blocked, gone, addressless):
        queue(customer, template)
    assert send_due() == 4
    assert memory.taken == []
    reasons = dict(Message.objects.values_list("customer_id", "reason"))
    assert reasons == {
        silent.pk: "no_consent", blocked.pk: "suppressed", gone.pk: "customer_not_active", addressless.pk: "no_address",
    }  # fmt: skip
    assert states() == {"suppressed": 4}
    lift_suppression(suppression=suppression, actor=SYSTEM)
    queue(blocked, template, "2")
    send_due()
    assert [item.customer_id for item in memory.taken] == [blocked.pk]


def test_quiet_hours_hold_messages_and_stale_ones_are_dropped(template, reachable, memory):
    hour = timezone.now().astimezone(__import__("zoneinfo").ZoneInfo("Asia/Shanghai"))
    policy(
        quiet_from=(hour - timedelta(hours=1)).time(), quiet_until=(hour + timedelta(hours=2)).time(), stale_hours=24,
        spread_minutes=30,
    )  # fmt: skip
    customer = reachable()
    message = queue(customer, template)
    assert send_due() == 1
    message.refresh_from_db()
    assert (message.state, message.reason) == ("held", "quiet_hours")
    assert timedelta(hours=1, minutes=59) < message.due_at - timezone.now() < timedelta(hours=2, minutes=31)
    assert send_due() == 0, "it is not due before the morning"
    Message.objects.update(
        due_at=timezone.now() - timedelta(seconds=1), decided_at=timezone.now() - timedelta(hours=25)
    )
    send_due()
    message.refresh_from_db()
    assert (message.state, message.reason) == ("suppressed", "stale")
    assert memory.taken == []


def test_a_temporary_error_is_tried_again_later_and_at_most_five_times(open_policy, template, reachable, memory):
    customer = reachable()
    memory.answers[customer.pk] = DeliveryResult.TEMPORARY
    message = queue(customer, template)
    for attempt, minutes in enumerate([1, 4, 16, 64], 1):
        send_due()
        message.refresh_from_db()
        assert (message.state, message.attempts, message.provider_id) == ("queued", attempt, "")
        wait = message.due_at - timezone.now()
        assert timedelta(minutes=minutes) - timedelta(seconds=20) < wait <= timedelta(minutes=minutes)
        Message.objects.update(due_at=timezone.now())
    send_due()
    message.refresh_from_db()
    assert (message.state, message.reason, message.attempts) == ("failed", "gave_up", 5)


def test_a_bounce_suppresses_the_address_and_a_refusal_does_not(open_policy, template, reachable, memory):
    bouncing, refused = reachable(), reachable()
    memory.answers = {bouncing.pk: DeliveryResult.BOUNCED, refused.pk: DeliveryResult.REFUSED}
    queue(bouncing, template)
    queue(refused, template)
    send_due()
    assert dict(Message.objects.values_list("customer_id", "reason")) == {bouncing.pk: "bounce", refused.pk: "refused"}
    assert states() == {"failed": 2}
    assert list(Suppression.objects.values_list("customer_id", "channel", "reason")) == [
        (bouncing.pk, "memory", "bounce")
    ]
    queue(bouncing, template, "2")
    send_due()
    assert Message.objects.get(occurrence="2").reason == "suppressed"


def test_while_the_provider_is_away_nothing_is_lost_and_no_attempt_is_used_up(open_policy, template, reachable, memory):
    customers = [reachable() for _ in range(120)]
    memory.answers = {customer.pk: DeliveryResult.AWAY for customer in customers}
    for customer in customers:
        queue(customer, template)
    send_due()
    assert states() == {"queued": 120}
    assert set(Message.objects.values_list("attempts", "provider_id", "claim")) == {(0, "", None)}
    memory.answers = {}
    Message.objects.update(due_at=timezone.now())
    send_due()
    assert states() == {"sent": 120}
    assert len({item.id for item in memory.taken}) == len(memory.taken) == 120


def test_dying_before_the_provider_is_called_sends_it_again(open_policy, template, reachable, memory):
    queue(reachable(), template)
    batch = claim_batch()
    assert states() == {"sending": 1}
    expire_leases()
    assert sweep_leases() == {"queued": 1, "uncertain": 0, "reconciled": 0}
    deliver_batch(batch)
    assert memory.taken == [], "the worker that lost its lease hands over nothing"
    send_due()
    assert states() == {"sent": 1}
    assert len(memory.taken) == 1


def test_an_outcome_is_stored_when_the_next_message_begins(open_policy, template, reachable, memory, monkeypatch):
    monkeypatch.setattr(memory, "batch", 1)
    for _ in range(3):
        queue(reachable(), template)
    seen = []
    memory.on_deliver = lambda _items: seen.append((states(), Message.objects.exclude(provider_id="").count()))
    send_due()
    assert seen == [({"sending": 3}, 1), ({"sent": 1, "sending": 2}, 2), ({"sent": 2, "sending": 1}, 3)]
    assert states() == {"sent": 3}


def test_an_outcome_is_stored_when_the_next_message_can_not_begin(
    open_policy, template, reachable, memory, monkeypatch
):
    monkeypatch.setattr(memory, "batch", 1)
    for _ in range(2):
        queue(reachable(), template)
    begin = messages.begin

    def once(claim, part, channel):
        if memory.taken:
            raise OperationalError("deadlock detected")
        return begin(claim, part, channel)

    monkeypatch.setattr(messages, "begin", once)
    with pytest.raises(OperationalError):
        send_due()
    assert states() == {"sent": 1, "sending": 1}
    monkeypatch.setattr(messages, "begin", begin)
    expire_leases()
    assert sweep_leases() == {"queued": 1, "uncertain": 0, "reconciled": 0}
    send_due()
    assert states() == {"sent": 2}
    assert len({item.id for item in memory.taken}) == len(memory.taken) == 2


@pytest.mark.parametrize("arrived", [True, False])
def test_dying_after_the_provider_was_called_is_reconciled_not_repeated(
    open_policy, template, reachable, memory, arrived
):
    message = queue(reachable(), template)
    batch = claim_batch()
    item = batch.outgoing["memory"][0]
    assert messages.begin(batch.claim, [item], memory) == {message.pk}
    if arrived:
        memory.deliver([item])
    expire_leases()
    assert sweep_leases() == {"queued": 0, "uncertain": 1, "reconciled": 1}
    assert states() == ({"sent": 1} if arrived else {"queued": 1})
    Message.objects.update(due_at=timezone.now())
    send_due()
    assert states() == {"sent": 1}
    assert len(memory.taken) == 1


def test_outcomes_that_no_provider_knows_are_left_to_a_person(open_policy, template, reachable, memory, monkeypatch):
    monkeypatch.setattr(type(memory), "find", lambda self, provider_id: None)
    for occurrence in ("1", "2"):
        queue(reachable(), template, occurrence)
    batch = claim_batch()
    messages.begin(batch.claim, batch.outgoing["memory"], memory)
    expire_leases()
    assert sweep_leases() == {"queued": 0, "uncertain": 2, "reconciled": 0}
    first, second = Message.objects.order_by("occurrence")
    assert mark_sent(message=first, actor=SYSTEM).state == "sent"
    assert send_again(message=second, actor=SYSTEM).state == "queued"
    with pytest.raises(Conflict):
        send_again(message=first, actor=SYSTEM)
    send_due()
    assert [item.id for item in memory.taken] == [second.pk]


def test_the_late_answer_of_a_slow_provider_still_counts(open_policy, template, reachable, memory):
    message = queue(reachable(), template)

    def outlive_the_lease(batch):
        expire_leases()
        memory.find = lambda provider_id: None
        sweep_leases()
        assert states() == {"uncertain": 1}

    memory.on_deliver = outlive_the_lease
    send_due()
    message.refresh_from_db()
    assert message.state == "sent"
    assert messages.record(uuid.uuid4(), [DeliveryOutcome(message.pk, DeliveryResult.REFUSED)]) == 0, (
        "another claim writes nothing"
    )


def test_a_template_that_fails_for_one_fails_for_one(open_policy, template, reachable, memory):
    bad = save_template(
        name="Bad", channel="memory", texts=[Text("en", "{{ 1 | divided_by: member.points }}", "s")], actor=SYSTEM
    )
    good_one, bad_one = queue(reachable(), template), queue(reachable(), bad)
    send_due()
    good_one.refresh_from_db()
    bad_one.refresh_from_db()
    assert good_one.state == "sent"
    assert (bad_one.state, bad_one.reason) == ("failed", "template_error")
    assert "division by zero" in bad_one.error


def test_the_inbox_is_sent_at_once_and_read_once(open_policy, make_customer):
    from campaigns.messages.services.inbox import mark_read

    template = save_template(name="In", channel="inbox", texts=[Text("en", "1 < 2, {{ customer.name }}")], actor=SYSTEM)
    customer = make_customer("Ada")
    message = queue(customer, template)
    send_due()
    message.refresh_from_db()
    assert (message.state, message.body, message.attempts) == ("sent", "1 < 2, Ada", 0)
    first = mark_read(customer=customer, message_id=message.pk).read_at
    assert mark_read(customer=customer, message_id=message.pk).read_at == first


class TestRaces:
    pytestmark = pytest.mark.django_db(transaction=True)

    def test_two_workers_never_pass_a_cap_together(self, template, reachable, memory):
        policy(cap_per_day=2)
        customers = [reachable() for _ in range(10)]
        for customer in customers:
            for occurrence in range(6):
                queue(customer, template, str(occurrence))
        assert at_once([lambda: send_due(batch=7)] * 8) is not None
        sent = Counter(Message.objects.filter(state="sent").values_list("customer_id", flat=True))
        assert sent == {customer.pk: 2 for customer in customers}
        assert Message.objects.filter(state="suppressed", reason="cap_day").count() == 40
        assert len(memory.taken) == 20

    def test_many_workers_send_each_message_once(self, open_policy, template, reachable, memory):
        customers = [reachable() for _ in range(5)]
        for customer in customers:
            for occurrence in range(40):
                queue(customer, template, str(occurrence))
        totals = at_once([lambda: send_due(batch=13)] * 6)
        assert sum(totals) == 200
        assert Counter(item.id for item in memory.taken).most_common(1)[0][1] == 1
        assert states() == {"sent": 200}


def test_transactional_messages_go_before_older_marketing(open_policy, template, reachable, memory):
    receipt = save_template(
        name="Receipt", channel="memory", texts=[Text("en", "<p>x</p>", "Receipt")], message_class="transactional",
        actor=SYSTEM,
    )  # fmt: skip
    for _ in range(3):
        queue(reachable(), template, due_at=timezone.now() - timedelta(hours=1))
    customer = reachable()
    queue(customer, receipt)
    deliver_batch(claim_batch(limit=2))
    assert sorted(item.subject for item in memory.taken) == ["Hi Ada", "Receipt"]
    send_due()
    assert states() == {"sent": 4}
