"""Test F2 for messages: workers are killed -9 while they send to a real receiver, at the worst moments.

LIUKE_FANOUT_MESSAGES sets how many messages there are (1,500 by default, 100,000 for the full figure).
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time

import pytest
from django.db import connection

from campaigns.channels.services.accounts import save_account
from campaigns.messages.models import Message
from campaigns.messages.services import messages
from campaigns.templates.services.templates import Text, save_template
from core.base.actor import SYSTEM
from core.http.outgoing import make_secret
from crm.customers.models import Consent, Customer
from tests.campaigns.channels.receiver import Receiver
from tests.processes import this_database

MESSAGES = int(os.environ.get("LIUKE_FANOUT_MESSAGES", "1500"))
WORKERS, BATCH, LEASE = 2, 100, 10
SECONDS_BETWEEN_KILLS = 3

pytestmark = [pytest.mark.processes, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def receiver():
    """Kill the worker that sends the message at 20, 40, 60 and 80 percent."""
    receiver = Receiver(kills=[MESSAGES * part // 100 for part in (20, 40, 60, 80)])
    yield receiver
    receiver.close()


def fan_out(receiver: Receiver) -> None:
    save_account(provider="own_system", values={"url": receiver.url, "secret": make_secret()}, actor=SYSTEM)
    template = save_template(
        name="News", channel="webhook", texts=[Text("en", "Hi {{ customer.first_name }}", "News")], actor=SYSTEM
    )
    Customer.objects.bulk_create((Customer(name=f"P{n}", source="test") for n in range(MESSAGES)), batch_size=5000)
    ids = list(Customer.objects.values_list("pk", flat=True))
    with connection.cursor() as cursor:
        cursor.execute(
            """INSERT INTO crm_consent (customer_id, channel, purpose, decision, source, evidence, given_at, actor)
               SELECT id, 'webhook', 'marketing', 'granted', 'test', '', now(), 'system' FROM crm_customer""",
            [],
        )
    assert Consent.objects.count() == MESSAGES
    Message.objects.bulk_create(
        (
            Message(
                customer_id=pk, channel="webhook", message_class="marketing", origin="test", occurrence="once",
                template=template, template_version=1,
            )
            for pk in ids
        ),
        batch_size=5000,
    )  # fmt: skip


def start_worker() -> subprocess.Popen:
    environment = {**this_database(), "MESSAGE_LEASE_SECONDS": str(LEASE), "LOG_LEVEL": "ERROR"}
    return subprocess.Popen(
        [sys.executable, "-m", "tests.campaigns.messages.worker", str(BATCH)], env=environment, start_new_session=True
    )


def unfinished() -> bool:
    return Message.objects.filter(state__in=["queued", "held", "sending"]).exists()


def test_random_and_worst_kills_during_a_fan_out_lose_and_repeat_nothing(open_policy, store, receiver):
    """Four workers die on any machine: two when their message was accepted and not answered, two during the answer
    (F2).
    """
    fan_out(receiver)
    began = time.monotonic()
    workers = [start_worker() for _ in range(WORKERS)]
    at_random, next_kill, seen_before = 0, began + SECONDS_BETWEEN_KILLS, 0
    try:
        while unfinished():
            assert time.monotonic() - began < 300 + MESSAGES / 10, "it comes to an end"
            time.sleep(0.2)
            # Kill only after a message has come: a slow machine may need longer to start a worker.
            if time.monotonic() > next_kill and len(receiver.seen) > seen_before:
                victim = random.choice(workers)
                if victim.poll() is None:
                    victim.send_signal(signal.SIGKILL)
                    at_random += 1
                next_kill, seen_before = time.monotonic() + SECONDS_BETWEEN_KILLS, len(receiver.seen)
            workers = [worker if worker.poll() is None else start_worker() for worker in workers]
            # Sweep as the schedule does.
            messages.sweep_leases()
    finally:
        for worker in workers:
            worker.kill()
            worker.wait()
    kills = at_random + len(receiver.killed)
    print(f"{MESSAGES} messages, {kills} workers killed, {time.monotonic() - began:.0f} s")
    assert len(receiver.killed) == 4

    states = {str(pk): state for pk, state in Message.objects.values_list("pk", "state")}
    assert len(states) == MESSAGES
    assert set(states.values()) <= {"sent", "uncertain"}
    uncertain = {pk for pk, state in states.items() if state == "uncertain"}
    assert set(receiver.seen) <= set(states)
    assert set(receiver.seen.values()) == {1}, "nobody saw one of them twice"
    assert states.keys() - receiver.seen.keys() <= uncertain, "what is called sent has arrived"
    assert len(uncertain) <= kills, "each of the dead leaves one that it had begun, at most"

    # A person who can ask the receiver settles uncertain messages; then each has arrived once.
    for message in Message.objects.filter(state="uncertain"):
        settle = messages.mark_sent if str(message.pk) in receiver.seen else messages.send_again
        settle(message=message, actor=SYSTEM)
    messages.send_due()
    assert set(Message.objects.values_list("state", flat=True)) == {"sent"}
    assert len(receiver.seen) == MESSAGES
    assert set(receiver.seen.values()) == {1}
