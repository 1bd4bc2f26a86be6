"""Messages through the gate to a channel that only counts (claim, decision, rendering, start, record); then by SMTP.

Floor, in the same run: only the gate, as one plain statement over the same messages, without writes. One process sends
the first fifth of the messages; `messages_gate_in_batches` is the share of its time for the same decisions in batches.
Two worker processes send the other four fifths; that is `messages_sent`. BENCH_MESSAGES sets the number (200,000 by
default; a million for the figure of the issue). The second part hands e-mail to an SMTP server on this machine with two
workers.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

from bench.common import free_port, report, vacuum

MESSAGES = int(os.environ.get("BENCH_MESSAGES", "200000"))
MAILS = int(os.environ.get("BENCH_MAILS", "5000"))
WORKERS = 2
BATCH = 1000


def register_null() -> None:
    """The channel whose provider takes everything at once."""
    from campaigns.channels.registry import CHANNELS, Channel, DeliveryOutcome, DeliveryResult

    class Null(Channel):
        name = "null"
        batch = BATCH

        def deliver(self, batch):
            return [DeliveryOutcome(item.id, DeliveryResult.SENT) for item in batch]

    if "null" not in CHANNELS:
        CHANNELS._items["null"] = Null()


def prepare(count: int) -> None:
    from django.db import connection

    from campaigns.messages.models import SendingPolicy
    from campaigns.templates.services.templates import Text, save_template
    from core.base.actor import SYSTEM
    from crm.customers.models import Customer
    from crm.customers.services.setup import ensure_store

    register_null()
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
        texts=[Text("en",
                    "Dear {{ customer.first_name }}, you have {{ member.points }} points. {{ links.unsubscribe }}",
                    "Hi")],
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
    """Return the seconds that the gate's statement alone takes for all queued messages."""
    from campaigns.messages.services import gate
    from core.base import clock

    everything = gate._MESSAGES.replace("m.id = ANY(%(ids)s::uuid[])", "m.state = 'queued'")
    times = []
    for _ in range(3):
        began = time.perf_counter()
        counts = gate.count_reasons(everything, {}, clock.now())
        times.append(time.perf_counter() - began)
    assert counts[""] > 0
    assert counts["no_consent"] > 0
    return statistics.median(times)


def run(count: int = MESSAGES) -> None:
    from django.db.models import Count

    from campaigns.messages.models import Message

    prepare(count)
    vacuum()
    floor_seconds = floor()
    gate_seconds, alone = in_one_process(count // 5)
    cpu = postgres_seconds()
    sent, seconds, python_seconds = by_workers()
    cpu = postgres_seconds() - cpu
    assert alone + sent == count, (alone, sent)
    states = Message.objects.filter(occurrence="new").values_list("state").annotate(count=Count("*")).order_by()
    assert {state for state, _count in states} == {"sent", "suppressed"}
    report("messages_gate_sql", count / floor_seconds, "a second")
    report("messages_gate_in_batches", alone / gate_seconds, "a second", count / floor_seconds)
    report(
        "messages_sent",
        sent / seconds,
        "a second",
        count / floor_seconds,
        extra={
            "messages": sent,
            "workers": WORKERS,
            "seconds": round(seconds, 1),
            "python_us": round(python_seconds / sent * 1e6, 1),
            "postgres_us": round(cpu / sent * 1e6, 1),
        },
    )
    run_smtp()


def in_one_process(count: int) -> tuple[float, int]:
    """Send about `count` messages in this process. Return (seconds in the gate, number of messages)."""
    from campaigns.messages.services import gate, messages

    judge, spent, done = gate.judge_messages, 0.0, 0

    def timed(ids, now):
        nonlocal spent
        began = time.perf_counter()
        try:
            return judge(ids, now)
        finally:
            spent += time.perf_counter() - began

    gate.judge_messages = timed
    try:
        while done < count and (batch := messages.claim_batch(limit=BATCH)):
            messages.deliver_batch(batch)
            done += batch.taken
    finally:
        gate.judge_messages = judge
    return spent, done


def by_workers() -> tuple[int, float, float]:
    """Send the remaining messages by processes that are ready before the clock starts.

    Return (messages, seconds, CPU seconds in Python).
    """
    seconds, lines = together([[NULL_WORKER]] * WORKERS, dict(os.environ))
    answers = [line.split() for line in lines]
    return sum(int(done) for done, _cpu in answers), seconds, sum(float(cpu) for _done, cpu in answers)


def postgres_seconds() -> float:
    """Return the CPU seconds of all processes of the embedded server, also of processes that have ended."""
    from core.embedded import places

    ticks = 0
    try:
        head = int((places.locations().directory / "pg" / "postmaster.pid").read_text().split()[0])
        for place in Path("/proc").iterdir():
            if not place.name.isdigit():
                continue
            fields = (place / "stat").read_text().rpartition(")")[2].split()
            if int(place.name) == head:
                ticks += sum(map(int, fields[11:15]))
            elif int(fields[1]) == head:
                ticks += sum(map(int, fields[11:13]))
    except OSError:
        return float("nan")
    return ticks / os.sysconf("SC_CLK_TCK")


NULL_WORKER = """
import sys, time
import django; django.setup()
from bench.bench_messages import BATCH, register_null
from campaigns.messages.services import messages
register_null()
print("ready", flush=True)
sys.stdin.readline()
began = time.process_time()
done = messages.send_due(seconds=3600, batch=BATCH)
print(done, time.process_time() - began, flush=True)
"""

MAIL_WORKER = """
import sys
import django; django.setup()
from campaigns.messages.services import messages
print("ready", flush=True)
sys.stdin.readline()
messages.send_due(seconds=600, batch=500)
"""

# The same mail repeatedly over one connection, by plain smtplib.
PLAIN_MAILER = """
import smtplib, sys
from email.message import EmailMessage
mail = EmailMessage()
mail["From"], mail["To"], mail["Subject"] = "shop@example.com", "b@example.com", "Hi"
mail.set_content("Dear Bench, look")
mail.add_alternative("<p>Dear Bench, <a href='https://shop.example/a'>look</a></p>", subtype="html")
smtp = smtplib.SMTP("127.0.0.1", int(sys.argv[1]))
smtp.ehlo_or_helo_if_needed()
print("ready", flush=True)
sys.stdin.readline()
for _ in range(int(sys.argv[2])):
    smtp.send_message(mail)
"""


def together(programs: list[list[str]], environment: dict[str, str]) -> tuple[float, list[str]]:
    """Run programs at once.

    Return the seconds from when all are ready to the last end, and each program's last line.
    """
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", *program], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for program in programs
    ]
    for worker in workers:
        assert worker.stdout.readline() == "ready\n"
    began = time.perf_counter()
    for worker in workers:
        worker.stdin.write("go\n")
        worker.stdin.flush()
    lines = [worker.stdout.readline() for worker in workers]
    seconds = time.perf_counter() - began
    for worker in workers:
        assert worker.wait() == 0
    return seconds, lines


def run_smtp(count: int = MAILS) -> None:
    """Send `count` e-mails by two worker processes to an SMTP server that reads and drops them."""
    from aiosmtpd.controller import Controller
    from django.db import connection

    from campaigns.messages.models import Message
    from campaigns.templates.services.templates import Text, save_template
    from core.base.actor import SYSTEM
    from crm.customers.services.identities import index_of

    recipients: list[str] = []

    class Sink:
        async def handle_DATA(self, _server, _session, envelope):
            recipients.append(envelope.rcpt_tos[0])
            return "250 taken"

    template = save_template(
        name=f"Bench mail {time.time_ns()}", channel="email", actor=SYSTEM,
        texts=[Text("en", "<p>Dear {{ customer.first_name }}, <a href='https://shop.example/a'>look</a></p>", "Hi")],
    )  # fmt: skip
    from crm.customers.models import Customer, Identity

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
        plain, _lines = together([[PLAIN_MAILER, str(port), str(count // WORKERS)]] * WORKERS, environment)
        recipients.clear()
        seconds, _lines = together([[MAIL_WORKER]] * WORKERS, environment)
    finally:
        controller.stop()
    sent = Message.objects.filter(origin="bench", state="sent").count()
    assert sent == len(people) == len(recipients) == len(set(recipients)), (sent, len(people), len(recipients))
    report(
        "messages_smtp",
        sent / seconds,
        "a second",
        count / plain,
        extra={"sent": sent, "workers": WORKERS, "seconds": round(seconds, 1)},
    )
