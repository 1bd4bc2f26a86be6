"""Messages through the gate to a channel that only counts: claimed, decided, rendered, begun, recorded; then by SMTP.

Floor, in the same run: the gate alone as one plain statement over the same messages, writing nothing. Ours is one worker
process; `gate` is the share of its time that the same decisions take in batches. BENCH_MESSAGES says how many (200,000 without
it; a million for the figure of the issue). The second part hands e-mail to an SMTP server on this machine with two workers.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time

from bench.common import free_port, report, vacuum

MESSAGES = int(os.environ.get("BENCH_MESSAGES", "200000"))
MAILS = int(os.environ.get("BENCH_MAILS", "5000"))
WORKERS = 2
BATCH = 1000


def prepare(count: int) -> None:
    from django.db import connection

    from campaigns.channels import CHANNELS, Channel, Outcome, Result
    from campaigns.models import SendingPolicy
    from campaigns.services.templates import Text, save_template
    from core.actor import SYSTEM
    from crm.models import Customer
    from crm.services.setup import ensure_store

    class Null(Channel):
        name = "null"
        batch = BATCH

        def deliver(self, batch):
            return [Outcome(item.id, Result.SENT) for item in batch]

    if "null" not in CHANNELS:
        CHANNELS._items["null"] = Null()
    ensure_store(name="Bench", currency="CNY", time_zone="Asia/Shanghai", country="CN", language="en")
    missing = count - Customer.objects.filter(source="bench-messages").count()
    zones = ["", "", "Asia/Shanghai", "Europe/London"]
    Customer.objects.bulk_create(
        (
            Customer(name=f"Shopper {n}", source="bench-messages", language="en", time_zone=zones[n % 4])
            for n in range(max(missing, 0))
        ),
        batch_size=5000,
    )
    SendingPolicy.objects.update_or_create(
        pk=1, defaults={"cap_per_day": 2, "cap_per_week": 4, "quiet_from": "03:00", "quiet_until": "03:01"}
    )
    template = save_template(
        name=f"Bench {time.time_ns()}", channel="null", actor=SYSTEM,
        texts=[Text("en", "Dear {{ customer.first_name }}, you have {{ member.points }} points. {{ links.unsubscribe }}", "Hi")],
    )  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE campaigns_message CASCADE")
        cursor.execute(
            """INSERT INTO crm_consent (customer_id, channel, purpose, decision, source, evidence, given_at, actor)
               SELECT c.id, 'null', 'marketing', 'granted', 'bench', '', now(), 'system' FROM crm_customer c
               WHERE c.source = 'bench-messages' AND c.id %% 10 > 0 AND NOT EXISTS (
                   SELECT FROM crm_consentstate s WHERE s.customer_id = c.id AND s.channel = 'null')""",
            [],
        )
        for occurrence, state, ago in (("old", "sent", "2 days"), ("new", "queued", "0 days")):
            cursor.execute(
                """INSERT INTO campaigns_message (id, customer_id, channel, message_class, origin, origin_version, step,
                        occurrence, template_id, template_version, context, state, reason, due_at, decided_at, sent_at,
                        attempts, language, subject, body, provider_id, error)
                    SELECT gen_random_uuid(), c.id, 'null', 'marketing', 'bench', 1, 'send', %s, %s, 1, '{}', %s, '',
                           now() - %s::interval, now() - %s::interval,
                           CASE WHEN %s = 'sent' THEN now() - %s::interval END, 0, '', '', '', '', ''
                    FROM crm_customer c WHERE c.source = 'bench-messages' AND (%s = 'queued' OR c.id %% 5 = 0)
                    ORDER BY c.id LIMIT %s""",
                [occurrence, template.pk, state, ago, ago, state, ago, state, count],
            )


def floor() -> float:
    """Seconds that the gate's statement alone takes over everything that is queued."""
    from campaigns.services import gate
    from core import clock

    everything = gate._MESSAGES.replace("m.id = ANY(%(ids)s)", "m.state = 'queued'")
    times = []
    for _ in range(3):
        began = time.perf_counter()
        counts = gate.count_reasons(everything, {}, clock.now())
        times.append(time.perf_counter() - began)
    assert counts[""] > 0
    assert counts["no_consent"] > 0
    return statistics.median(times)


def run(count: int = MESSAGES) -> None:
    from campaigns.models import Message
    from campaigns.services import gate, messages

    prepare(count)
    vacuum()
    floor_seconds = floor()
    in_gate = [0.0]
    judge = gate.judge_messages

    def timed(ids, now):
        began = time.perf_counter()
        try:
            return judge(ids, now)
        finally:
            in_gate[0] += time.perf_counter() - began

    gate.judge_messages = timed
    try:
        began = time.perf_counter()
        done = messages.send_due(seconds=3600, batch=BATCH)
        seconds = time.perf_counter() - began
    finally:
        gate.judge_messages = judge
    assert done == count, done
    sent = Message.objects.filter(state="sent", occurrence="new").count()
    assert sent + Message.objects.filter(state="suppressed").count() == count
    report("messages_gate_sql", count / floor_seconds, "a second")
    report("messages_gate_in_batches", count / in_gate[0], "a second", count / floor_seconds)
    report(
        "messages_sent",
        count / seconds,
        "a second",
        count / floor_seconds,
        extra={
            "sent": sent,
            "seconds": round(seconds, 1),
            "ratio": round(count / seconds / (count / floor_seconds), 3),
        },
    )
    run_smtp()


WORKER = """
import django; django.setup()
from campaigns.services import messages
messages.send_due(seconds=600, batch=500)
"""


def run_smtp(count: int = MAILS) -> None:
    """`count` e-mails by two worker processes to an SMTP server that reads and forgets them."""
    from aiosmtpd.controller import Controller
    from django.db import connection

    from campaigns.models import Message
    from campaigns.services.templates import Text, save_template
    from core.actor import SYSTEM
    from crm.services.identities import index_of

    seen: list[str] = []

    class Sink:
        async def handle_DATA(self, _server, _session, envelope):
            seen.append(envelope.rcpt_tos[0])
            return "250 taken"

    template = save_template(
        name=f"Bench mail {time.time_ns()}", channel="email", actor=SYSTEM,
        texts=[Text("en", "<p>Dear {{ customer.first_name }}, <a href='https://shop.example/a'>look</a></p>", "Hi")],
    )  # fmt: skip
    from crm.models import Customer, Identity

    people = list(Customer.objects.filter(source="bench-messages").order_by("id").values_list("pk", flat=True)[:count])
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE campaigns_message CASCADE")
    known = set(Identity.objects.filter(kind="email", customer_id__in=people).values_list("customer_id", flat=True))
    Identity.objects.bulk_create(
        (
            Identity(
                customer_id=pk,
                kind="email",
                value=f"b{pk}@example.com",
                value_index=index_of("email", f"b{pk}@example.com"),
            )
            for pk in people
            if pk not in known
        ),
        batch_size=5000,
    )
    Message.objects.bulk_create(
        (
            Message(
                customer_id=pk, channel="email", message_class="transactional", origin="bench", occurrence="mail",
                template=template, template_version=1,
            )
            for pk in people
        ),
        batch_size=5000,
    )  # fmt: skip
    controller = Controller(Sink(), hostname="127.0.0.1", port=free_port())
    controller.start()
    try:
        port = controller.port
        environment = {**os.environ, "EMAIL_HOST": "127.0.0.1", "EMAIL_PORT": str(port), "LOG_LEVEL": "ERROR"}
        began = time.perf_counter()
        workers = [subprocess.Popen([sys.executable, "-c", WORKER], env=environment) for _ in range(WORKERS)]
        for worker in workers:
            assert worker.wait() == 0
        seconds = time.perf_counter() - began
    finally:
        controller.stop()
    sent = Message.objects.filter(origin="bench", state="sent").count()
    assert sent == len(people) == len(seen) == len(set(seen)), (sent, len(people), len(seen))
    report(
        "messages_smtp",
        sent / seconds,
        "a second",
        extra={"sent": sent, "workers": WORKERS, "seconds": round(seconds, 1)},
    )
