"""200,000 messages through the gate to a channel that only counts: claimed, decided, rendered, begun, recorded.

Floor, in the same run: the gate alone as one plain statement over the same messages, writing nothing. Ours is one worker
process; `gate` is the share of its time that the same decisions take in batches.
"""

from __future__ import annotations

import statistics
import time

from bench.common import report, vacuum

MESSAGES = 200_000
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
        cursor.execute("TRUNCATE campaigns_message")
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
        extra={"sent": sent, "seconds": round(seconds, 1)},
    )
