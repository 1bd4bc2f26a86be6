"""Move a message through its states (J2): queued, decided and rendered under a claim, handed over, recorded.

There are three commits; a worker may die after each:

1. claim: the gate has decided, text and state `sending` are stored, `provider_id` is empty. A death here loses nothing:
   the lease expires and the message is queued again.
2. begin: `provider_id` is the id that the provider will use. A death here leaves the message uncertain: the provider is
   asked, or a person decides. It is never sent again automatically.
3. record: the outcome is stored, only by the worker that holds the claim, in one commit with the next begin.
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import structlog
from django.conf import settings
from django.db import connection, transaction
from django.utils.translation import gettext_lazy as _

from campaigns.channels.registry import CHANNELS, Channel, DeliveryOutcome, DeliveryResult, Outgoing
from campaigns.messages import events
from campaigns.messages.labels import RESTORED
from campaigns.messages.models import Message, MessageState
from campaigns.messages.rules import Verdict
from campaigns.messages.services import composition as composing
from campaigns.messages.services import coupons as message_coupons
from campaigns.messages.services import gate, pacing
from campaigns.messages.services.composition import Written
from campaigns.messages.services.deliverability import Outcome, count_outcomes, domain_of
from campaigns.messages.services.suppressions import suppress_bounced
from campaigns.templates.models import Template
from core.base import clock
from core.base.actor import Actor
from core.base.errors import Conflict
from core.db.columns import column_values, columns, uuid_array
from core.db.locks import lock_columns, lock_row
from core.db.statements import statement
from core.events.bus import emit_from_select
from core.jobs.sweeping import Sweep
from core.sending.marker import marker
from crm.customers.models import Customer

log = structlog.get_logger("liuke.messages")
# Due work that waits longer than this is a finding of `doctor`.
LATE_SECONDS = 300
BATCH = 500
MAX_ATTEMPTS = 5
LEASE_SECONDS = 45
AWAY_SECONDS = 60
_ONE = """
SELECT %(customer)s::bigint, %(channel)s, %(message_class)s, %(origin)s, %(origin_version)s, %(step)s, %(occurrence)s,
       %(template)s, %(template_version)s, %(context)s::jsonb, 'queued', '',
       coalesce(%(due_at)s::timestamptz, statement_timestamp()), NULL::timestamptz, NULL::timestamptz"""


@dataclass
class ClaimedBatch:
    """Hold the messages of one claim, rendered per channel for hand-over. `beat`: when the lease was last renewed."""

    claim: UUID
    taken: int
    outgoing: dict[str, list[Outgoing]] = field(default_factory=dict)
    beat: float = field(default_factory=time.monotonic)


def lease_seconds() -> int:
    """Return the seconds for which a worker claims a message."""
    return getattr(settings, "MESSAGE_LEASE_SECONDS", LEASE_SECONDS)


def queue_message(
    *,
    customer: Customer,
    template: Template,
    origin: str,
    occurrence: str,
    origin_version: int = 1,
    step: str = "send",
    context: dict[str, Any] | None = None,
    due_at: datetime | None = None,
) -> Message | None:
    """Queue one message, once per customer, origin, version, step, occurrence and channel (J2).

    Return None when it was queued before. Wake the sender after the commit (`campaigns.send_due`).
    """
    values = {
        "customer": customer.pk,
        "channel": template.channel,
        "message_class": template.message_class,
        "origin": origin,
        "origin_version": origin_version,
        "step": step,
        "occurrence": occurrence,
        "template": template.pk,
        "template_version": template.version,
        "context": json.dumps(context or {}),
        "due_at": due_at,
    }
    with transaction.atomic():
        rows = insert_messages(_ONE, values)
        return Message.objects.get(pk=rows[0][0]) if rows else None


def insert_messages(select: str, params: Mapping[str, Any]) -> list[tuple[UUID, int]]:
    """Insert the rows of a SELECT and return (id, customer) of the new ones: a message that exists stays as it is.

    `sql/statements/insert.sql` names the columns that the SELECT yields. All messages are inserted here.
    """
    with connection.cursor() as cursor:
        cursor.execute(statement(__package__, "insert", rows=select), params)
        return cursor.fetchall()


def send_due(*, seconds: float = 50.0, batch: int = BATCH) -> int:
    """Claim and deliver until nothing is due or the time is up. Return how many messages were decided."""
    until = time.monotonic() + seconds
    total = 0
    while time.monotonic() < until:
        claimed = claim_batch(limit=batch)
        if claimed is None:
            break
        total += claimed.taken
        deliver_batch(claimed)
    return total


def claim_batch(*, limit: int = BATCH) -> ClaimedBatch | None:
    """Claim due messages, decide them and render those that may go. Return None when nothing is due.

    The customers are locked, so that two workers never exceed a cap together (J1).
    """
    with transaction.atomic():
        with connection.cursor() as cursor:
            # A claim that a server crash loses is only made again. `begin` waits for the disk, including all earlier
            # writes, before the provider is called.
            cursor.execute("SET LOCAL synchronous_commit = off")
        now = clock.now()
        rows = _take(now, limit)
        if not rows:
            return None
        count, rows = len(rows), pacing.admit(rows, now)
        rulings = {ruling.id: ruling for ruling in gate.judge_messages([row["id"] for row in rows], now)}
        batch = ClaimedBatch(uuid.uuid4(), count)
        _refuse([rulings[row["id"]] for row in rows if rulings[row["id"]].verdict is not Verdict.SEND], now)
        going = [row for row in rows if rulings[row["id"]].verdict is Verdict.SEND]
        if going:
            _prepare(going, rulings, batch, now)
    return batch


def deliver_batch(batch: ClaimedBatch) -> None:
    """Hand over the messages of the claim, outside any transaction. A worker that lost its lease stops."""
    for name, messages in batch.outgoing.items():
        with closing(CHANNELS[name]) as channel:
            _deliver(batch, messages, channel)


def _deliver(batch: ClaimedBatch, messages: list[Outgoing], channel: Channel) -> None:
    claim = batch.claim
    outcomes: list[DeliveryOutcome] = []
    domains = {item.id: domain_of(item.address) for item in messages}
    try:
        for start in range(0, len(messages), channel.batch):
            part = messages[start : start + channel.batch]
            if problem := _open(channel):
                give_back(claim, [item.id for item in messages[start:]], problem)
                break
            if time.monotonic() - batch.beat > lease_seconds() / 3:
                _beat(claim)
                batch.beat = time.monotonic()
            begun_ids = _turn(claim, outcomes, part, channel, domains)
            outcomes = _hand_over(channel, [item for item in part if item.id in begun_ids])
            if any(outcome.result is DeliveryResult.AWAY for outcome in outcomes):
                rest = [item.id for item in messages[start + channel.batch :]]
                give_back(claim, rest, outcomes[-1].error)
                break
    finally:
        record(claim, outcomes, domains)
        marker.flush()


def _turn(
    claim: UUID,
    ended: Sequence[DeliveryOutcome],
    part: Sequence[Outgoing],
    channel: Channel,
    domains: Mapping[UUID, str],
) -> set[UUID]:
    """Record the last part and begin the next one.

    One commit instead of two, because the speed of e-mail is limited by the disk.
    """
    with transaction.atomic():
        record(claim, ended, domains)
        return begin(claim, part, channel)


def _open(channel: Channel) -> str:
    """Open the channel. Return "" when the provider can be reached, else the error."""
    try:
        channel.open()
    except Exception as error:
        channel.close()
        problem = f"{type(error).__name__}: {error}"[:500]
        log.warning("provider_away", channel=channel.name, error=problem)
        return problem
    return ""


def _hand_over(channel: Channel, items: list[Outgoing]) -> list[DeliveryOutcome]:
    if not items:
        return []
    try:
        return channel.deliver(items)
    except Exception as error:
        log.exception("channel_failed", channel=channel.name)
        return [
            DeliveryOutcome(item.id, DeliveryResult.UNKNOWN, error=f"{type(error).__name__}: {error}"[:500])
            for item in items
        ]


def begin(claim: UUID, part: Sequence[Outgoing], channel: Channel) -> set[UUID]:
    """Commit that the provider is about to be called. Return the messages still claimed; none while sending is held."""
    with connection.cursor() as cursor:
        cursor.execute(
            # The lease stays unchanged: without a change of an indexed column the row is written without touching an
            # index.
            f"""UPDATE campaigns_message m SET attempts = m.attempts + 1, provider_id = g.provider_id
               FROM {columns(2)} AS g(id, provider_id)
               WHERE m.id = g.id AND m.claim = %s AND m.state = 'sending' AND m.provider_id = ''
                     AND NOT core_sending_held(%s, %s)
               RETURNING m.id, (SELECT nextval('core_sending_seq'))""",  # noqa: S608 - fragments of the code; values are parameters
            [
                *column_values([(item.id, channel.begin_id(item.id)) for item in part], 2),
                claim,
                marker.line,
                marker.seen,
            ],
        )
        number = cursor.fetchone()
        if number is None:
            return set()
        # The number is known after this commit, which comes before the call of the provider.
        transaction.on_commit(lambda: marker.saw(number[1]))
        if cursor.rowcount == len(part):
            # The usual case, in which nothing has to be read.
            return {item.id for item in part}
        return {number[0], *(row[0] for row in cursor.fetchall())}


def record(claim: UUID | None, outcomes: Sequence[DeliveryOutcome], domains: Mapping[UUID, str] | None = None) -> int:
    """Store each outcome whose message the claim still holds. Return how many were stored.

    `domains` are those of the recipients, by message, as far as they are known.
    """
    if not outcomes:
        return 0
    values = [(one.id, one.result.value, one.provider_id[:200], one.error) for one in outcomes]
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            statement(__package__, "record", outcomes=columns(4, named="%(column{})s")),
            {
                "most": MAX_ATTEMPTS,
                "away": AWAY_SECONDS,
                "claim": claim,
                **{f"column{place}": value for place, value in enumerate(column_values(values, 4))},
            },
        )
        count = cursor.rowcount
        stored = values if count == len(values) else cursor.fetchall()
        sent = [row[0] for row in stored if row[1] == DeliveryResult.SENT]
        bounced = [row[0] for row in stored if row[1] == DeliveryResult.BOUNCED]
        announce(sent)
        counted = [*(Outcome(pk, sent=1) for pk in sent), *(Outcome(pk, sent=1, bounced=1) for pk in bounced)]
        # The address is looked up before it is suppressed, because the next one would be found afterwards.
        count_outcomes(counted, domains)
        suppress_bounced(bounced)
    return count


def announce(message_ids: Sequence[UUID]) -> None:
    """Emit the timeline event of each message that was sent."""
    if message_ids:
        emit_from_select(
            events.MESSAGE_SENT,
            """SELECT m.customer_id, jsonb_build_object('message', m.id, 'channel', m.channel, 'subject', m.subject,
                          'name', t.name, 'origin', m.origin), m.sent_at
               FROM campaigns_message m JOIN campaigns_template t ON t.id = m.template_id
               WHERE m.id = ANY(%s::uuid[])""",
            [uuid_array(message_ids)],
        )


def give_back(claim: UUID, ids: Sequence[UUID], error: str) -> None:
    """Queue again the claimed messages that were not begun, when the provider is unavailable."""
    with connection.cursor() as cursor:
        cursor.execute(
            """UPDATE campaigns_message SET state = 'queued', claim = NULL, leased_until = NULL, error = %s,
                      due_at = clock_timestamp() + make_interval(secs => %s)
               WHERE id = ANY(%s) AND claim = %s AND state = 'sending' AND provider_id = ''""",
            [error[:500].replace("\x00", ""), AWAY_SECONDS, list(ids), claim],
        )


def _beat(claim: UUID) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            """UPDATE campaigns_message SET leased_until = clock_timestamp() + make_interval(secs => %s)
               WHERE claim = %s AND state = 'sending'""",
            [lease_seconds(), claim],
        )


def sweep_leases(*, limit: int = 1000) -> dict[str, int]:
    """Handle expired leases: not begun is queued again, begun is uncertain.

    Then ask providers that support look-ups.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            """WITH late AS (
                   SELECT id FROM campaigns_message WHERE state = 'sending' AND leased_until < clock_timestamp()
                   ORDER BY leased_until LIMIT %s FOR UPDATE SKIP LOCKED)
               UPDATE campaigns_message m SET
                   state = CASE WHEN m.provider_id = '' THEN 'queued' ELSE 'uncertain' END,
                   claim = CASE WHEN m.provider_id = '' THEN NULL ELSE m.claim END, leased_until = NULL
               FROM late WHERE m.id = late.id RETURNING m.state""",
            [limit],
        )
        states = [row[0] for row in cursor.fetchall()]
    return {
        "queued": states.count("queued"),
        "uncertain": states.count("uncertain"),
        "reconciled": reconcile_uncertain(limit=limit),
    }


def reconcile_uncertain(*, limit: int = 1000) -> int:
    """Ask providers that support look-ups about uncertain messages. Return how many are certain now."""
    sweep = Sweep("campaigns.reconcile_messages")
    done = 0
    for channel in CHANNELS:
        if type(channel).find is Channel.find:
            continue
        rows = (
            Message.objects.filter(state=MessageState.UNCERTAIN, channel=channel.name)
            # A person decides messages that a restore made uncertain: the provider may know them from the site before
            # the restore.
            .exclude(reason=RESTORED)
            .exclude(pk__in=sweep.waiting)
        )
        for row in rows.order_by("decided_at")[:limit]:
            done += sweep.attempt(row.pk, lambda row=row, channel=channel: _reconcile(row, channel)) or 0
    return done


def _reconcile(message: Message, channel: Channel) -> int:
    exists = channel.find(message.provider_id)
    if exists is None:
        return 0
    # Not found means never accepted: the message is queued as if it had not begun.
    result = DeliveryResult.SENT if exists else DeliveryResult.AWAY
    return record(message.claim, [DeliveryOutcome(message.pk, result, message.provider_id if exists else "")])


def send_again(*, message: Message, actor: Actor) -> Message:
    """Queue an uncertain or failed message again, on a person's decision. Raises Conflict in any other state."""
    return _settle(message, {MessageState.UNCERTAIN, MessageState.FAILED}, state=MessageState.QUEUED, actor=actor)


def mark_sent(*, message: Message, actor: Actor) -> Message:
    """Mark an uncertain message as sent, when a person knows that it arrived."""
    return _settle(message, {MessageState.UNCERTAIN}, state=MessageState.SENT, actor=actor)


def _settle(message: Message, allowed: set[str], *, state: str, actor: Actor) -> Message:
    with transaction.atomic():
        locked = lock_row(Message.objects.filter(pk=message.pk))
        if locked.state not in allowed:
            raise Conflict(
                _("This is not possible in the message's current state."), code="message_state", state=locked.state
            )
        log.info("message_settled", message=str(locked.pk), state=state, by=str(actor))
        locked.state = state
        locked.reason, locked.claim, locked.leased_until = "", None, None
        if state == MessageState.QUEUED:
            locked.provider_id, locked.attempts, locked.due_at = "", 0, clock.now()
        else:
            locked.sent_at = clock.now()
        locked.save()
        if state == MessageState.SENT:
            announce([locked.pk])
            count_outcomes([Outcome(locked.pk, sent=1)])
    return locked


def _take(now: datetime, limit: int) -> list[dict[str, Any]]:
    """Lock due messages, oldest first.

    Transactional messages come before all marketing, so that no receipt waits for a broadcast.
    """
    rows: list[dict[str, Any]] = []
    with connection.cursor() as cursor:
        for condition in ("message_class = 'transactional'", "message_class <> 'transactional'"):
            if len(rows) >= limit:
                break
            cursor.execute(
                f"""SELECT id, customer_id, channel, message_class, origin, occurrence, template_id, template_version,
                           context
                    FROM campaigns_message WHERE state IN ('queued', 'held') AND due_at <= %s AND {condition}
                          AND NOT core_sending_held(%s, %s)
                    ORDER BY due_at LIMIT %s FOR UPDATE SKIP LOCKED""",  # noqa: S608 - fragments of the code; values are parameters
                [now, marker.line, marker.seen, limit - len(rows)],
            )
            names = [column[0] for column in cursor.description]
            rows += [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
        for row in rows:
            if isinstance(row["context"], str):
                row["context"] = json.loads(row["context"])
    lock_columns("crm_customer", {row["customer_id"] for row in rows})
    return rows


def _refuse(rulings: Sequence[gate.Ruling], now: datetime) -> None:
    if not rulings:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            """UPDATE campaigns_message m SET
                   decided_at = CASE WHEN g.verdict = 'hold' AND m.state = 'held' THEN m.decided_at ELSE %s END,
                   state = CASE g.verdict WHEN 'hold' THEN 'held' ELSE 'suppressed' END, reason = g.reason,
                   due_at = coalesce(g.held_until, m.due_at), claim = NULL, leased_until = NULL
               FROM unnest(%s::uuid[], %s::text[], %s::text[], %s::timestamptz[]) AS g(id, verdict, reason, held_until)
               WHERE m.id = g.id""",
            [
                now,
                [ruling.id for ruling in rulings],
                [ruling.verdict.value for ruling in rulings],
                [ruling.reason for ruling in rulings],
                [ruling.held_until if ruling.verdict is Verdict.HOLD else None for ruling in rulings],
            ],
        )


def _prepare(
    rows: list[dict[str, Any]], rulings: dict[UUID | None, gate.Ruling], batch: ClaimedBatch, now: datetime
) -> None:
    """Compose and store the messages that go out."""
    composed = composing.compose(rows, {row["id"]: rulings[row["id"]].identity_id for row in rows})
    batch.outgoing = composed.outgoing
    _store(composed.written, batch.claim, now)
    announce([result.id for result in composed.written if result.state == MessageState.SENT])
    for coupon_id, count in message_coupons.counts_of(composed.coupons).items():
        # Do this last, so that a coupon's row is not locked while the batch is rendered.
        with connection.cursor() as cursor:
            cursor.execute("SELECT campaigns_count_issued(%s, %s)", [coupon_id, count])


def _store(rows: Sequence[Written], claim: UUID, now: datetime) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            f"""UPDATE campaigns_message m
               SET state = g.state, reason = CASE g.state WHEN 'failed' THEN 'template_error' ELSE '' END,
                   language = g.language, subject = g.subject, body = g.body, error = g.error, decided_at = %s,
                   provider_id = '', sent_at = CASE g.state WHEN 'sent' THEN clock_timestamp() END,
                   claim = CASE g.state WHEN 'sending' THEN %s::uuid END,
                   leased_until = CASE g.state WHEN 'sending' THEN clock_timestamp() + make_interval(secs => %s) END
               FROM {columns(6)} AS g(id, state, language, subject, body, error)
               WHERE m.id = g.id""",  # noqa: S608 - fragments of the code; values are parameters
            [now, claim, lease_seconds(), *column_values(rows, 6)],
        )
