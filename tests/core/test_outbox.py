"""The outbox: written with the event, removed with the handler's work, never lost, with one effect."""

from __future__ import annotations

import pytest
from django.db import connection, transaction

from core.base.errors import LockedOutsideTransaction
from core.events import outbox
from core.events.bus import HANDLERS, Emission, emit, emit_many
from core.events.models import DomainEvent, EventDelivery
from crm.customers.events import CUSTOMER_CREATED
from crm.customers.models import Tag
from tests.threads import storm

HANDLER = "analytics.mark_changed"


@pytest.fixture
def handler(monkeypatch):
    """Return a function that replaces the handler of CUSTOMER_CREATED."""

    def use(function):
        monkeypatch.setitem(HANDLERS._items, HANDLER, function)

    return use


@pytest.mark.django_db
def test_an_event_outside_a_transaction_is_refused():
    with transaction.atomic():
        pass
    connection.in_atomic_block, before = False, connection.in_atomic_block
    try:
        with pytest.raises(LockedOutsideTransaction):
            emit(CUSTOMER_CREATED, subject_id=1)
    finally:
        connection.in_atomic_block = before
    assert DomainEvent.objects.count() == 0


@pytest.mark.django_db
def test_an_event_and_what_is_owed_for_it_are_rolled_back_together():
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        emit(CUSTOMER_CREATED, subject_id=1)
        1 / 0  # noqa: B018
    assert (DomainEvent.objects.count(), EventDelivery.objects.count()) == (0, 0)


@pytest.mark.django_db
def test_a_batch_is_delivered_in_order_and_no_longer_pending(handler):
    seen = []
    handler(lambda events: seen.extend(event.subject_id for event in events))
    emit_many(Emission(CUSTOMER_CREATED, number, {"n": number}) for number in range(1200))
    assert outbox.deliver(HANDLER) == 1200
    assert seen == list(range(1200))
    assert EventDelivery.objects.count() == 0
    assert DomainEvent.objects.count() == 1200, "the timeline keeps it"


@pytest.mark.django_db
def test_one_failing_event_does_not_hold_up_the_others_and_is_retried(handler):
    seen = []

    def work(events):
        for event in events:
            if event.subject_id == 3:
                raise ValueError("poison")
            seen.append(event.subject_id)

    handler(work)
    emit_many(Emission(CUSTOMER_CREATED, number) for number in range(6))
    outbox.deliver(HANDLER)
    assert seen[-5:] == [0, 1, 2, 4, 5]
    left = EventDelivery.objects.get()
    assert (left.attempts, left.dead_at, left.last_error) == (1, None, "ValueError: poison")
    assert outbox.deliver(HANDLER) == 0, "not before it is due again"


@pytest.mark.django_db
def test_after_twelve_attempts_a_delivery_is_dead_and_can_be_revived(handler):
    def fail(events):
        raise ValueError("still wrong")

    handler(fail)
    with transaction.atomic():
        emit(CUSTOMER_CREATED, subject_id=1)
    for _ in range(12):
        EventDelivery.objects.update(due_at=DomainEvent.objects.get().recorded_at)
        outbox.deliver(HANDLER)
    assert EventDelivery.objects.get().dead_at is not None
    assert outbox.deliver(HANDLER) == 0
    handler(lambda events: None)
    assert outbox.revive() == 1
    assert outbox.deliver(HANDLER) == 1
    assert EventDelivery.objects.count() == 0


@pytest.mark.django_db(transaction=True)
def test_two_relays_never_deliver_the_same_event(handler):
    """Given 400 pending events and four relays at once, each event takes effect once."""
    handler(lambda events: Tag.objects.bulk_create(Tag(name=f"event {event.id}") for event in events))
    with transaction.atomic():
        emit_many(Emission(CUSTOMER_CREATED, number) for number in range(400))
    counts = storm(4, lambda _number: outbox.deliver(HANDLER))
    assert sum(counts) == 400
    assert Tag.objects.count() == 400
    assert EventDelivery.objects.count() == 0
