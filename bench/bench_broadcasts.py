"""A broadcast to a segment of BENCH_MESSAGES customers (200,000): preview by the gate and creation of messages.

Floor, in the same run: one plain INSERT ... SELECT of the same rows into a table with the keys and indexes of messages.
"""

from __future__ import annotations

import time

from bench.bench_messages import MESSAGES, prepare
from bench.common import report, segment_of, sql, timed, vacuum


def make_broadcast(count: int):
    """Create a broadcast to all customers of `prepare`, for a campaign without planner statistics."""
    from campaigns.broadcasts.services.broadcasts import create_broadcast
    from campaigns.templates.services.templates import Text, save_template
    from core.base.actor import SYSTEM

    segment = segment_of("bench-messages", count)
    name = f"Bench {time.time_ns()}"
    template = save_template(name=name, channel="null", actor=SYSTEM, texts=[Text("en", "Hello", "Hi")])
    return create_broadcast(name=name, segment=segment, template=template, actor=SYSTEM, holdout_percent=10)


def plain(count: int) -> float:
    """Return the rows a second of the plain INSERT."""
    sql("DROP TABLE IF EXISTS bench_message")
    sql("CREATE TABLE bench_message (LIKE campaigns_message INCLUDING ALL)")
    seconds = timed(
        lambda: sql(
            """INSERT INTO bench_message (id, customer_id, channel, message_class, origin, origin_version, step,
                   occurrence, template_id, template_version, context, state, reason, due_at, attempts, language,
                   subject, body, provider_id, error)
               SELECT gen_random_uuid(), id, 'null', 'marketing', 'bench', 1, 'send', 'once', 0, 1, '{}', 'queued', '',
                      now(), 0, '', '', '', '', ''
               FROM crm_customer WHERE source = 'bench-messages' ORDER BY id LIMIT %s""",
            [count],
        )
    )
    sql("DROP TABLE bench_message")
    return count / seconds


def run(count: int = MESSAGES) -> None:
    from campaigns.broadcasts.services.broadcasts import preview_broadcast, schedule_broadcast
    from campaigns.broadcasts.services.runs import run_broadcasts
    from campaigns.messages.models import Message
    from core.base.actor import SYSTEM

    prepare(count)
    sql("DELETE FROM campaigns_message WHERE occurrence = 'new'")
    broadcast = make_broadcast(count)
    vacuum()
    base = plain(count)
    began = time.perf_counter()
    preview = preview_broadcast(broadcast)
    seconds = time.perf_counter() - began
    assert preview.total == count
    report("broadcast_previewed", count / seconds, "people a second", extra={"seconds": round(seconds, 1)})
    schedule_broadcast(broadcast=broadcast, actor=SYSTEM)
    seconds = timed(run_broadcasts)
    assert Message.objects.filter(origin=broadcast.origin).count() == count
    report("broadcast_made", count / seconds, "messages a second", base, extra={"seconds": round(seconds, 1)})
