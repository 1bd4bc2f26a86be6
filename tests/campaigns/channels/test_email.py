"""Test e-mail through a real SMTP server: content, errors, unsubscribing, and a killed worker (F2, F23)."""

from __future__ import annotations

import asyncio
import email
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from datetime import timedelta
from email import policy as email_policy
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller
from django.db import connection
from django.test import Client
from django.utils import timezone

from campaigns.messages.models import Message, Suppression
from campaigns.messages.services.messages import claim_batch, queue_message, send_due, sweep_leases
from campaigns.templates.services.templates import Text, save_template
from core.base.actor import SYSTEM
from crm.customers.models import Consent, ConsentState
from crm.customers.services.consents import record_consent
from tests.campaigns.conftest import policy

ROOT = Path(__file__).resolve().parents[3]


class Mailbox:
    """Count accepted messages. `answers` maps a recipient to an SMTP answer; `hang` waits before accepting."""

    def __init__(self) -> None:
        self.received: list[email.message.EmailMessage] = []
        self.answers: dict[str, str] = {}
        self.data_answers: dict[str, str] = {}
        self.before_answer = None
        self.drop_after_data = False
        self.greeting: threading.Event | None = None
        self.sessions = 0
        self.lock = threading.Lock()

    async def handle_EHLO(self, server, session, envelope, hostname, responses):
        self.sessions += 1
        if self.greeting:
            self.greeting.set()
            await asyncio.sleep(5)
        session.host_name = hostname
        return responses

    async def handle_RCPT(self, server, session, envelope, address, rcpt_options):
        if address in self.answers:
            return self.answers[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        if envelope.rcpt_tos[0] in self.data_answers:
            return self.data_answers[envelope.rcpt_tos[0]]
        message = email.message_from_bytes(envelope.content, policy=email_policy.default)
        with self.lock:
            self.received.append(message)
        if self.before_answer:
            self.before_answer()
        if self.drop_after_data:
            server.transport.close()
            return "250 OK"
        return "250 OK"

    @property
    def ids(self) -> Counter:
        return Counter(message["X-Liuke-Message"] for message in self.received)


@pytest.fixture
def mailbox(settings):
    box = Mailbox()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    controller = Controller(box, hostname="127.0.0.1", port=port)
    controller.start()
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", port
    settings.SITE_URL = "https://shop.example"
    box.port = port
    box.controller = controller
    yield box
    if controller.loop.is_running():
        controller.stop()


@pytest.fixture
def template(store):
    policy()
    return save_template(
        name="News", channel="email", actor=SYSTEM,
        texts=[
            Text(
                "en",
                '<p>Hello <b>{{ customer.first_name }}</b> & friends</p>'
                '<p><a href="{{ links.unsubscribe }}">Unsubscribe</a></p>',
                "News for {{ customer.name }}",
            )
        ],
    )  # fmt: skip


@pytest.fixture
def reachable(make_customer):
    made = 0

    def make(address: str = ""):
        nonlocal made
        made += 1
        customer = make_customer("Ada <Lovelace>", email=address or f"ada{made}@example.com", language="en")
        record_consent(
            customer=customer, channel="email", purpose="marketing", decision="granted", source="test", actor=SYSTEM
        )
        return customer

    return make


def queue(customer, template, occurrence="1"):
    return queue_message(customer=customer, template=template, origin="test", occurrence=occurrence)


pytestmark = pytest.mark.django_db


def test_what_arrives_has_both_parts_ids_and_one_click_headers(mailbox, template, reachable):
    message = queue(reachable(), template)
    send_due()
    (mail,) = mailbox.received
    assert mail["Subject"] == "News for Ada <Lovelace>"
    assert mail["To"] == "ada1@example.com"
    assert mail["Message-ID"] == f"<{message.pk}@shop.example>"
    assert mail["X-Liuke-Message"] == str(message.pk)
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    link = re.fullmatch(r"<(https://shop\.example/u/[^>]+/)>", mail["List-Unsubscribe"].strip())[1]
    assert [part.get_content_type() for part in mail.iter_parts()] == ["text/plain", "text/html"]
    text, html = (part.get_content().replace("\r\n", "\n") for part in mail.iter_parts())
    assert text.strip() == f"Hello Ada & friends\nUnsubscribe ({link})"
    assert "<p>Hello <b>Ada</b> &amp; friends</p>" in html
    message.refresh_from_db()
    assert (message.state, message.provider_id) == ("sent", f"<{message.pk}@shop.example>")


def test_a_batch_shares_one_connection(mailbox, template, reachable):
    for _ in range(20):
        queue(reachable(), template)
    send_due()
    assert len(mailbox.received) == 20
    assert mailbox.sessions == 1


def test_what_smtp_errors_mean(mailbox, template, reachable):
    gone, later, bad, good = (reachable(f"{name}@example.com") for name in ("gone", "later", "bad", "good"))
    mailbox.answers = {"gone@example.com": "550 No such user", "later@example.com": "451 Try again"}
    mailbox.data_answers = {"bad@example.com": "554 Spam"}
    for customer in (gone, later, bad, good):
        queue(customer, template)
    send_due()
    ends = {m.customer_id: (m.state, m.reason) for m in Message.objects.all()}
    assert ends == {
        gone.pk: ("failed", "bounce"), later.pk: ("queued", ""), bad.pk: ("failed", "refused"), good.pk: ("sent", ""),
    }  # fmt: skip
    assert list(Suppression.objects.values_list("customer_id", "reason")) == [(gone.pk, "bounce")]
    assert len(mailbox.received) == 1
    mailbox.answers = {}
    Message.objects.filter(state="queued").update(due_at=timezone.now())
    send_due()
    assert len(mailbox.received) == 2


def test_a_server_that_is_down_costs_no_attempt(mailbox, template, reachable):
    mailbox.controller.stop()
    message = queue(reachable(), template)
    send_due()
    message.refresh_from_db()
    assert (message.state, message.attempts) == ("queued", 0)
    assert "ConnectionRefused" in message.error


def test_a_connection_that_breaks_after_the_data_leaves_it_uncertain(mailbox, template, reachable):
    mailbox.drop_after_data = True
    message = queue(reachable(), template)
    send_due()
    message.refresh_from_db()
    assert message.state == "uncertain"
    assert sweep_leases()["reconciled"] == 0
    mailbox.drop_after_data = False
    send_due()
    assert mailbox.ids == {str(message.pk): 1}, "it is not sent again blindly"


class TestUnsubscribing:
    @pytest.fixture
    def link(self, mailbox, template, reachable):
        message = queue(reachable(), template)
        send_due()
        url = mailbox.received[0]["List-Unsubscribe"].strip().strip("<>")
        return message, url.removeprefix("https://shop.example")

    def test_one_click_withdraws_the_consent_once(self, link, template):
        message, path = link
        client = Client(enforce_csrf_checks=True)
        assert client.get(path).status_code == 200
        assert ConsentState.objects.get(purpose="marketing").granted, "looking is not leaving"
        for _ in range(2):
            assert client.post(path, {"List-Unsubscribe": "One-Click"}).status_code == 200
        assert not ConsentState.objects.get(purpose="marketing").granted
        last = Consent.objects.filter(decision="withdrawn").get()
        assert (last.source, last.evidence) == ("one-click unsubscribe", f"message {message.pk}")
        queue(message.customer, template, "2")
        send_due()
        assert Message.objects.get(occurrence="2").reason == "no_consent"

    def test_a_forged_link_does_nothing(self, link):
        _message, path = link
        forged = path[:-3] + ("aa/" if path[-3:] != "aa/" else "bb/")
        for wrong in (forged, "/u/nonsense/", "/u/a:b:c/"):
            assert Client().post(wrong).status_code == 404
        assert not Consent.objects.filter(decision="withdrawn").exists()


WORKER = """
import os, sys
os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings.test"
import django
django.setup()
from django.conf import settings
settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", int(sys.argv[2])
settings.DATABASES["default"]["NAME"] = sys.argv[1]
settings.SITE_URL = "https://shop.example"
from django.db import connection
connection.settings_dict["NAME"] = sys.argv[1]
from campaigns.messages.services import messages
mode = sys.argv[3]
if mode == "claim":
    messages.claim_batch()
    print("claimed", flush=True)
    import time
    time.sleep(60)
else:
    while messages.send_due(batch=20, seconds=30) or mode == "forever":
        pass
"""


def start_worker(box: Mailbox, mode: str) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-c", WORKER, connection.settings_dict["NAME"], str(box.port), mode],
        cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip


def expire_leases() -> None:
    Message.objects.filter(state="sending").update(leased_until=timezone.now() - timedelta(seconds=1))


@pytest.mark.processes
class TestKilled:
    pytestmark = pytest.mark.django_db(transaction=True)

    def test_kill_9_between_claim_and_delivery_delivers_exactly_once(self, mailbox, template, reachable):
        for _ in range(5):
            queue(reachable(), template)
        worker = start_worker(mailbox, "claim")
        assert worker.stdout.readline() == "claimed\n"
        worker.send_signal(signal.SIGKILL)
        worker.wait()
        assert Message.objects.filter(state="sending", provider_id="").count() == 5
        assert claim_batch() is None
        expire_leases()
        assert sweep_leases()["queued"] == 5
        send_due()
        assert sorted(mailbox.ids.values()) == [1] * 5
        assert set(Message.objects.values_list("state", "attempts")) == {("sent", 1)}

    def test_kill_9_while_the_worker_greets_the_server_delivers_exactly_once(self, mailbox, template, reachable):
        for _ in range(5):
            queue(reachable(), template)
        greeted = threading.Event()
        mailbox.greeting = greeted
        worker = start_worker(mailbox, "drain")
        assert greeted.wait(30)
        worker.send_signal(signal.SIGKILL)
        worker.wait()
        mailbox.greeting = None
        assert Message.objects.filter(state="sending", provider_id="").count() == 5, "nothing had begun"
        expire_leases()
        assert sweep_leases()["queued"] == 5
        send_due()
        assert sorted(mailbox.ids.values()) == [1] * 5

    def test_kill_9_while_the_server_is_answering_never_delivers_twice(self, mailbox, template, reachable):
        for _ in range(10):
            queue(reachable(), template)
        holder: list[subprocess.Popen] = []

        def kill_at_the_fourth():
            if len(mailbox.received) == 4:
                holder[0].send_signal(signal.SIGKILL)
                time.sleep(0.2)

        mailbox.before_answer = kill_at_the_fourth
        holder.append(start_worker(mailbox, "drain"))
        holder[0].wait(timeout=60)
        assert len(mailbox.received) == 4
        states = Counter(Message.objects.values_list("state", flat=True))
        assert states == {"sent": 3, "sending": 7}
        expire_leases()
        assert sweep_leases() == {"queued": 6, "uncertain": 1, "reconciled": 0}
        send_due()
        assert len(mailbox.received) == 10
        assert set(mailbox.ids.values()) == {1}
        assert Counter(Message.objects.values_list("state", flat=True)) == {"sent": 9, "uncertain": 1}

    def test_random_kills_during_a_fan_out_lose_and_repeat_nothing(self, mailbox, template, reachable):
        customers = [reachable() for _ in range(20)]
        for customer in customers:
            for occurrence in range(15):
                queue(customer, template, str(occurrence))
        workers = [start_worker(mailbox, "forever") for _ in range(2)]
        for turn in range(3):
            before = len(mailbox.received)
            deadline = time.monotonic() + 30
            while len(mailbox.received) < before + 30 and time.monotonic() < deadline:
                time.sleep(0.01)
            workers[turn % 2].send_signal(signal.SIGKILL)
            workers[turn % 2].wait()
            expire_leases_of_the_dead()
            workers[turn % 2] = start_worker(mailbox, "forever")
        deadline = time.monotonic() + 90
        while Message.objects.filter(state__in=["queued", "sending"]).exists() and time.monotonic() < deadline:
            time.sleep(0.5)
            expire_leases_of_the_dead()
        for worker in workers:
            worker.kill()
            worker.wait()
        states = Counter(Message.objects.values_list("state", flat=True))
        assert sum(states.values()) == 300
        assert set(states) <= {"sent", "uncertain"}
        assert states["uncertain"] <= 3, "at most the one each dead worker had begun"
        assert set(mailbox.ids.values()) == {1}, "the receiver saw at most one of each"
        assert states["sent"] <= len(mailbox.received) <= 300
        sent = {str(pk) for pk in Message.objects.filter(state="sent").values_list("pk", flat=True)}
        assert sent <= set(mailbox.ids)


def expire_leases_of_the_dead() -> None:
    """Expire leases as a minute would: a claim without a beat for a second belongs to a dead worker."""
    late = timezone.now() + timedelta(seconds=44)
    Message.objects.filter(state="sending", leased_until__lt=late).update(
        leased_until=timezone.now() - timedelta(seconds=1)
    )
    sweep_leases()
