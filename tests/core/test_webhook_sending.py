"""Sending of webhooks: leases, answers, back-off, a receiver that is down."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from django.core.cache import cache

from core.base import clock
from core.events.outbox import deliver
from core.http import outgoing
from core.webhooks import registry as webhooks
from core.webhooks import sending as webhook_sending
from core.webhooks.models import WebhookDelivery
from tests.core.receiving import Receiver
from tests.core.subscribing import happen, only, send, subscribe

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
pytestmark = pytest.mark.django_db(transaction=True)


def test_an_event_arrives_signed_and_ends_as_delivered(receiver, make_customer):
    endpoint, secret = subscribe(receiver)
    ann = make_customer("Ann")
    deliver(webhooks.HANDLER)
    assert send(endpoint) == 1
    [got] = receiver.received
    assert got.signed_with(secret)
    assert not got.signed_with(outgoing.make_secret())
    assert got.body["type"] == "customer.created"
    assert got.body["data"] == {"customer": ann.number}
    row = only(endpoint)
    assert (row.state, row.status, row.answer, row.attempts, str(row.pk)) == ("delivered", 200, "thanks", 1, got.id)
    assert abs(got.timestamp - clock.now().timestamp()) < 5
    assert send(endpoint) == 0


def test_two_hundred_arrive_once_each(receiver, make_customer):
    endpoint, secret = subscribe(receiver)
    ann = make_customer("Ann")
    happen(199, subject=ann.pk)
    deliver(webhooks.HANDLER)
    assert send(endpoint) == 200
    assert len({got.id for got in receiver.received}) == len(receiver.received) == 200
    assert all(got.signed_with(secret) for got in receiver.received)
    assert endpoint.deliveries.filter(state="delivered").count() == 200


def test_a_worker_that_dies_leaves_a_lease_and_another_sends_the_same_id(receiver, make_customer, at):
    """Given a message whose worker died after sending, then it is sent again under the same id."""
    endpoint, _secret = subscribe(receiver)
    make_customer("Ann")
    deliver(webhooks.HANDLER)
    start = at(clock.now() + timedelta(seconds=1))
    [claimed] = webhook_sending._claim(endpoint.pk, 10, start, start + webhook_sending.LEASE)
    with outgoing.Sender(seconds=5, connections=1) as sender:
        webhook_sending._send(endpoint.url, [endpoint.secret], claimed, sender, int(start.timestamp()))
    assert send(endpoint) == 0, "not while the lease holds"
    at(start + webhook_sending.LEASE)
    assert webhook_sending.owed_endpoints() == [endpoint.pk]
    assert send(endpoint) == 1
    assert [got.id for got in receiver.received] == [str(claimed.id)] * 2
    row = only(endpoint)
    assert (row.state, row.attempts) == ("delivered", 2)


def test_a_late_failure_does_not_undo_a_delivery_of_another_worker(receiver, make_customer):
    endpoint, _secret = subscribe(receiver)
    make_customer("Ann")
    deliver(webhooks.HANDLER)
    start = clock.now()
    lost = start - timedelta(seconds=1)
    [claimed] = webhook_sending._claim(endpoint.pk, 10, start, lost)
    assert send(endpoint) == 1
    webhook_sending._record(endpoint, [webhook_sending.DeliveryOutcome(claimed, error="timeout: late")], lost)
    assert only(endpoint).state == "delivered"


def test_a_redirect_is_a_failure_and_is_not_followed(receiver, make_customer):
    other = Receiver()
    receiver.answer = lambda _got: (302, {"location": other.url}, "")
    endpoint, _secret = subscribe(receiver)
    make_customer("Ann")
    deliver(webhooks.HANDLER)
    send(endpoint)
    assert other.received == []
    assert (only(endpoint).state, only(endpoint).status) == ("pending", 302)
    other.close()


# Retries


@pytest.mark.usefixtures("no_jitter")
def test_back_off_follows_the_schedule_and_then_the_delivery_is_given_up(receiver, make_customer, at):
    receiver.answer = lambda _got: (500, {}, "broken")
    endpoint, _secret = subscribe(receiver)
    make_customer("Ann")
    deliver(webhooks.HANDLER)
    moment = at(clock.now() + timedelta(seconds=1))
    waits = []
    while only(endpoint).state == "pending":
        assert send(endpoint) == 1
        row = only(endpoint)
        if row.state == "pending":
            waits.append((row.due_at - moment).total_seconds())
            at(row.due_at - timedelta(milliseconds=1))
            assert send(endpoint) == 0, "not before it is due"
            moment = at(row.due_at)
    assert waits == [5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400]
    row = only(endpoint)
    assert (row.state, row.attempts, row.status, row.answer, row.ended_at) == ("dead", 10, 500, "broken", moment)
    assert len(receiver.received) == 10
    assert len({got.id for got in receiver.received}) == 1


def test_jitter_adds_up_to_a_tenth_and_differs_between_messages():
    delays = {webhook_sending.delay_after(UUID(int=number), 2) for number in range(200)}
    assert 300 <= min(delays) < 303
    assert 327 < max(delays) < 330
    assert webhook_sending.delay_after(UUID(int=1), 10) is None


@pytest.mark.usefixtures("no_jitter")
@pytest.mark.parametrize(
    ("retry_after", "seconds"),
    [("120", 120), ("2", 5), ("999999", 86_400), ("Sun, 01 Mar 2026 12:02:00 GMT", 120), ("soon", 5)],
)
def test_retry_after_is_respected_up_to_a_day(receiver, make_customer, at, retry_after, seconds):
    receiver.answer = lambda _got: (429, {"retry-after": retry_after}, "")
    endpoint, _secret = subscribe(receiver)
    make_customer("Ann")
    deliver(webhooks.HANDLER)
    WebhookDelivery.objects.update(due_at=NOON)
    at(NOON)
    send(endpoint)
    assert only(endpoint).due_at == NOON + timedelta(seconds=seconds)


def test_a_dead_receiver_gets_one_message_per_pause_and_the_pauses_grow(make_customer, monkeypatch):
    """Sixty pending messages cost one attempt per pause while the receiver is down, and nothing for other endpoints."""
    receiver = Receiver()
    endpoint, _secret = subscribe(receiver)
    receiver.close()
    ann = make_customer("Ann")
    happen(59, subject=ann.pk)
    deliver(webhooks.HANDLER)
    pauses = []
    real = cache.set
    monkeypatch.setattr(
        cache, "set", lambda key, value, *rest: pauses.append(rest[0]) if "pause" in key else real(key, value, *rest)
    )
    for _number in range(8):
        webhook_sending.send_due(endpoint.pk)
    assert pauses == [5, 10, 20, 40, 80, 160, 300, 300]
    tried = endpoint.deliveries.filter(attempts__gt=0)
    assert tried.count() <= 8 + webhook_sending.PARALLEL
    assert {row.error.partition(":")[0] for row in tried} == {"connection"}
    assert not endpoint.deliveries.exclude(leased_until=None).exists(), "unsent messages are given back"


def test_a_paused_endpoint_does_not_keep_another_waiting(receiver, make_customer):
    away = Receiver()
    dead, _secret = subscribe(away)
    away.close()
    well, _secret = subscribe(receiver)
    make_customer("Ann")
    deliver(webhooks.HANDLER)
    assert webhook_sending.send_due(dead.pk) == 1
    assert webhook_sending.owed_endpoints() == [well.pk]
    assert webhook_sending.send_due(well.pk) == 1
    assert len(receiver.received) == 1


def test_a_receiver_with_a_slow_drip_is_cut_off(make_customer, monkeypatch):
    """A receiver that sends single bytes never lets a read time out; the deadline is for the whole call."""
    import socket
    import threading
    import time

    listening = socket.create_server(("127.0.0.1", 0))

    def drip() -> None:
        connection, _address = listening.accept()
        connection.recv(65536)
        try:
            for byte in b"HTTP/1.1 200 OK\r\n" + b"x-pad: 1\r\n" * 100:
                connection.send(bytes([byte]))
                time.sleep(0.05)
        except OSError:
            pass

    threading.Thread(target=drip, daemon=True).start()
    monkeypatch.setattr(webhook_sending, "TIMEOUT", 0.5)
    endpoint, _secret = subscribe(f"http://127.0.0.1:{listening.getsockname()[1]}/")
    make_customer("Ann")
    deliver(webhooks.HANDLER)
    began = time.monotonic()
    send(endpoint)
    assert time.monotonic() - began < 2
    assert only(endpoint).error.startswith("timeout")
    listening.close()
