"""Webhooks: deliveries, signatures, retries, replay and the end of attempts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.db import transaction

from core.base import clock
from core.base.actor import SYSTEM
from core.base.errors import Conflict, Invalid
from core.db import cached_names as kept
from core.events.bus import handler_names
from core.events.models import DomainEvent, EventDelivery
from core.events.outbox import deliver
from core.health.checks import CHECKS
from core.http import outgoing
from core.security.rotation import rotate_keys
from core.webhooks import registry as webhooks
from core.webhooks import services
from core.webhooks.models import SwitchedOff, WebhookDelivery, WebhookEndpoint
from core.webhooks.registry import PUBLIC
from crm.desk.services import open_ticket
from crm.orders.events import ORDER_PAID
from tests.core.subscribing import happen, only, send, subscribe

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
pytestmark = pytest.mark.django_db(transaction=True)


# Signatures


def test_signs_as_the_specification_does():
    """The worked example of Standard Webhooks."""
    signed = outgoing.signature(
        ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"],
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        1614265330,
        b'{"test": 2432232314}',
    )
    assert signed == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_a_secret_is_32_random_bytes_and_encrypted_at_rest(receiver):
    endpoint, secret = subscribe(receiver)
    assert secret.startswith("whsec_")
    assert len(outgoing.base64.b64decode(secret[6:])) == 32
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT secret FROM core_webhookendpoint WHERE id = %s", [endpoint.pk])
        assert secret.encode() not in bytes(cursor.fetchone()[0])


# Deliveries


def test_nothing_is_queued_while_no_endpoint_subscribes(make_customer):
    ann = make_customer("Ann")
    assert webhooks.HANDLER not in handler_names("crm.customer_created")
    happen(subject=ann.pk)
    assert not EventDelivery.objects.filter(handler=webhooks.HANDLER).exists()
    assert WebhookDelivery.objects.count() == 0


def test_the_subscribed_kinds_cost_no_query_within_seconds(receiver, django_assert_num_queries):
    subscribe(receiver)
    handler_names("crm.customer_created")
    with django_assert_num_queries(0):
        for _number in range(1000):
            assert webhooks.HANDLER in handler_names("crm.customer_created")
            assert webhooks.HANDLER not in handler_names("loyalty.points_redeemed")


def test_another_process_learns_of_an_endpoint_when_its_copy_is_stale(receiver, monkeypatch):
    """Given a process that has just read the kinds, when another creates an endpoint, it is known after 3 seconds."""
    now = [1000.0]
    monkeypatch.setattr(kept.time, "monotonic", lambda: now[0])
    other = kept.CachedNames("webhooks:kinds", webhooks._subscribed_kinds)
    assert "crm.customer_created" not in other()
    subscribe(receiver)
    now[0] += 2.9
    assert "crm.customer_created" not in other()
    now[0] += 0.2
    assert "crm.customer_created" in other()


def test_an_event_is_written_once_for_each_subscribed_endpoint(receiver, make_customer):
    first, _secret = subscribe(receiver, "customer.created", "order.paid")
    second, _secret = subscribe(receiver, "customer.created")
    third, _secret = subscribe(receiver, "order.paid")
    ann = make_customer("Ann")
    assert deliver(webhooks.HANDLER) == 1
    event = DomainEvent.objects.get(kind="crm.customer_created")
    with transaction.atomic():
        services.fan_out(events=[event])
    rows = WebhookDelivery.objects.order_by("endpoint")
    assert [(row.endpoint_id, row.event_type) for row in rows] == [
        (first.pk, "customer.created"),
        (second.pk, "customer.created"),
    ]
    assert third.deliveries.count() == 0
    assert ann.number in rows[0].body


def test_a_body_names_numbers_and_nothing_else_about_the_person(receiver, make_customer, make_order, settle):
    endpoint, _secret = subscribe(receiver, *PUBLIC.names())
    ann = make_customer("Ann Example", phone="13800138000", email="ann@example.com")
    order = make_order(ann, 12_300, number="A-7")
    open_ticket(customer=ann, subject="My address is Main Street 1", text="Hello", actor=SYSTEM)
    make_order(None, 500, number="A-8")
    settle()
    bodies = {row.event_type: row.body for row in endpoint.deliveries.order_by("event_id")}
    assert {"customer.created", "order.paid", "ticket.opened"} <= bodies.keys()
    text = "".join(endpoint.deliveries.values_list("body", flat=True))
    for personal in ("Ann", "13800138000", "example.com", "Main Street"):
        assert personal not in text
    paid = endpoint.deliveries.filter(event_type="order.paid").order_by("event_id")
    assert paid[0].body == (
        f'{{"type":"order.paid","timestamp":"{order.paid_at.astimezone(UTC).isoformat(timespec="milliseconds")[:-6]}Z",'
        f'"data":{{"customer":"{ann.number}","order":"A-7","source":"storefront","total":12300,"currency":"CNY"}}}}'
    )
    assert '"customer":null' in paid[1].body


def test_every_public_event_is_named_by_its_subject():
    for public in PUBLIC:
        assert public.name == public.name.lower()
        assert public.name.count(".") == 1


# Switching off


def test_410_gone_switches_off_at_once_with_the_reason(receiver, make_customer):
    receiver.answer = lambda _got: (410, {}, "")
    endpoint, _secret = subscribe(receiver)
    make_customer("Ann")
    deliver(webhooks.HANDLER)
    send(endpoint)
    endpoint.refresh_from_db()
    assert (endpoint.active, endpoint.disabled_reason) == (False, SwitchedOff.GONE)
    event = DomainEvent.objects.get(kind="core.webhook_switched_off")
    assert event.payload == {"endpoint": endpoint.pk, "url": endpoint.url, "reason": "gone"}
    make_customer("Bob")
    deliver(webhooks.HANDLER)
    assert endpoint.deliveries.count() == 1, "no more deliveries are written for it"
    assert CHECKS["webhooks"].run()[0] is False


def test_failing_for_five_days_switches_off_and_a_success_in_between_resets_the_time(receiver, make_customer, at):
    well = [False]
    receiver.answer = lambda _got: (200 if well[0] else 503, {}, "")
    endpoint, _secret = subscribe(receiver)
    ann = make_customer("Ann")
    deliver(webhooks.HANDLER)
    start = clock.now() + timedelta(seconds=1)

    def after(**passed: int) -> WebhookEndpoint:
        at(start + timedelta(**passed))
        happen(subject=ann.pk)
        deliver(webhooks.HANDLER)
        WebhookDelivery.objects.filter(state="pending").update(due_at=start)
        send(endpoint)
        endpoint.refresh_from_db()
        return endpoint

    assert after(days=0).failing_since == start
    assert after(days=4).active
    well[0] = True
    assert after(days=4, hours=1).failing_since is None
    well[0] = False
    assert after(days=6).failing_since == start + timedelta(days=6)
    assert after(days=10, hours=23).active
    assert not after(days=11).active
    assert endpoint.disabled_reason == SwitchedOff.FAILING
    back = services.switch_endpoint(endpoint=endpoint, active=True)
    assert (back.active, back.disabled_reason, back.failing_since) == (True, "", None)
    well[0] = True
    WebhookDelivery.objects.filter(state="pending").update(due_at=start)
    assert send(endpoint) > 0, "pending deliveries are sent"
    assert not endpoint.deliveries.filter(state="pending").exists()


# Replay by hand


def test_replay_sends_the_same_id_with_a_fresh_round_of_attempts(receiver, make_customer):
    receiver.answer = lambda _got: (400, {}, "no")
    endpoint, _secret = subscribe(receiver)
    make_customer("Ann")
    deliver(webhooks.HANDLER)
    WebhookDelivery.objects.update(attempts=9)
    send(endpoint)
    row = only(endpoint)
    assert row.state == "dead"
    receiver.answer = lambda _got: (204, {}, "")
    again = services.replay_delivery(delivery=row)
    assert (again.state, again.attempts) == ("pending", 0)
    send(endpoint)
    assert (only(endpoint).state, only(endpoint).attempts) == ("delivered", 1)
    assert [got.id for got in receiver.received] == [str(row.pk)] * 2


def test_replay_failed_takes_the_dead_since_then_and_no_others(receiver, make_customer):
    endpoint, _secret = subscribe(receiver)
    ann = make_customer("Ann")
    happen(4, subject=ann.pk)
    deliver(webhooks.HANDLER)
    now = clock.now()
    ids = list(endpoint.deliveries.order_by("event_id").values_list("pk", flat=True))
    for pk, state, days in zip(ids, ["dead", "dead", "dead", "delivered", "pending"], [1, 3, 10, 1, 1], strict=True):
        WebhookDelivery.objects.filter(pk=pk).update(state=state, attempts=10, created_at=now - timedelta(days=days))
    assert services.replay_failed(endpoint=endpoint, since=now - timedelta(days=7)) == 2
    states = dict(endpoint.deliveries.values_list("pk", "state"))
    assert [states[pk] for pk in ids] == ["pending", "pending", "dead", "delivered", "pending"]
    services.switch_endpoint(endpoint=endpoint, active=False)
    with pytest.raises(Conflict) as refused:
        services.replay_failed(endpoint=endpoint, since=now)
    assert refused.value.code == "endpoint_off"


def test_a_test_event_arrives_without_a_subscription(receiver):
    endpoint, secret = subscribe(receiver)
    services.send_test_event(endpoint=endpoint)
    services.send_test_event(endpoint=endpoint)
    assert send(endpoint) == 2
    assert {got.body["type"] for got in receiver.received} == {"webhook.test"}
    assert all(got.signed_with(secret) for got in receiver.received)


def test_both_secrets_sign_for_a_day_after_the_change(receiver, at):
    endpoint, old = subscribe(receiver)
    endpoint, new = services.rotate_secret(endpoint=endpoint)
    services.send_test_event(endpoint=endpoint)
    send(endpoint)
    assert receiver.received[0].signed_with(old)
    assert receiver.received[0].signed_with(new)
    at(clock.now() + timedelta(hours=25))
    services.send_test_event(endpoint=endpoint)
    send(endpoint)
    assert not receiver.received[1].signed_with(old)
    assert receiver.received[1].signed_with(new)


def test_old_deliveries_are_deleted_but_not_pending_ones(receiver, make_customer):
    endpoint, _secret = subscribe(receiver)
    ann = make_customer("Ann")
    happen(3, subject=ann.pk)
    deliver(webhooks.HANDLER)
    old = clock.now() - timedelta(days=31)
    ids = list(endpoint.deliveries.order_by("event_id").values_list("pk", flat=True))
    WebhookDelivery.objects.filter(pk__in=ids[:3]).update(created_at=old)
    WebhookDelivery.objects.filter(pk__in=[ids[0], ids[3]]).update(state="delivered")
    WebhookDelivery.objects.filter(pk=ids[1]).update(state="dead")
    assert services.drop_old_deliveries(chunk=1) == 2
    assert set(endpoint.deliveries.values_list("pk", flat=True)) == {ids[2], ids[3]}


# Refusals


@pytest.mark.parametrize("types", [[], ["points.invented"], ["customer.created", "crm.order_paid"]])
def test_unknown_events_are_refused(receiver, types):
    with pytest.raises(Invalid) as refused:
        services.create_endpoint(url=receiver.url, event_types=types)
    assert (refused.value.code, refused.value.field) == ("unknown_event_type" if types else "invalid", "event_types")
    assert WebhookEndpoint.objects.count() == 0


def test_a_shop_has_at_most_fifty_endpoints(receiver, monkeypatch):
    monkeypatch.setattr(services, "MOST_ENDPOINTS", 1)
    subscribe(receiver)
    with pytest.raises(Conflict) as refused:
        subscribe(receiver)
    assert (refused.value.code, WebhookEndpoint.objects.count()) == ("too_many_endpoints", 1)


def test_secrets_are_re_encrypted_when_the_keys_change(receiver, settings):
    import os

    endpoint, old = subscribe(receiver)
    endpoint, new = services.rotate_secret(endpoint=endpoint)
    settings.PII_KEYS = {9: os.urandom(32), **settings.PII_KEYS}
    assert rotate_keys() >= 2
    settings.PII_KEYS = {9: settings.PII_KEYS[9]}
    stored = WebhookEndpoint.objects.get()
    assert (stored.secret, stored.previous_secret) == (new, old)


def test_an_event_of_a_deleted_order_is_not_delivered(receiver, make_customer):
    endpoint, _secret = subscribe(receiver, "order.paid")
    happen(kind=ORDER_PAID, order=999_999, number="X")
    assert deliver(webhooks.HANDLER) == 1
    assert endpoint.deliveries.count() == 0, "a deleted order is not published"
