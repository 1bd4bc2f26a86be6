"""The hold of all outgoing messages and webhooks: an emergency stop by hand, and automatic after a restore.

After a restore, nothing that may have been sent since the backup is sent again. Due work is marked as uncertain, a
person decides about each kind, and only then does sending start.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping
from typing import Any

import structlog
from django.db import connection, transaction
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from core.base import clock
from core.base.actor import SYSTEM, Actor
from core.base.errors import Conflict, Invalid
from core.db.cached_names import CachedNames
from core.db.locks import lock_row
from core.events import outbox
from core.events.bus import declare, emit
from core.sending.marker import marker
from core.sending.models import HoldCause, SendingHold
from core.sending.registry import CHOICES, WAITING, HoldChoice, WaitingCount

log = structlog.get_logger("liuke.sending")
CHUNK = 20_000
SENDING_HELD = declare("core.sending_held", _("Sending held"), on_timeline=False)
SENDING_STARTED = declare("core.sending_started", _("Sending started"), on_timeline=False)
HELD_SETTLED = declare("core.held_settled", _("Decision about held items"), on_timeline=False)


def state() -> SendingHold:
    """Return the one row; create it at the first call."""
    row = SendingHold.objects.filter(pk=1).first()
    if row is None:
        row, _created = SendingHold.objects.get_or_create(pk=1, defaults={"home": _home()})
        row.refresh_from_db()
    return row


def is_held() -> bool:
    """Return whether sending is held now. Every claim makes the same check in its own statement."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT core_sending_held(%s, %s)", [marker.line, marker.seen])
        return bool(cursor.fetchone()[0])


# For the banner on every page: at most seconds old if another process changed it.
shown = CachedNames("sending:held", lambda: SendingHold.objects.filter(held=True).values_list("cause", flat=True))


def hold(*, note: str = "", cause: str = HoldCause.MANUAL, actor: Actor) -> SendingHold:
    """Hold all outgoing messages and webhooks. No claim succeeds after the commit. An existing hold stays unchanged."""
    if len(note) > 400:
        raise Invalid(_("This text is too long."), code="too_long", field="note")
    state()
    with transaction.atomic():
        locked = lock_row(SendingHold.objects.filter(pk=1))
        if locked.held and (cause == HoldCause.MANUAL or locked.uncertain_before is not None):
            return locked
        now = clock.now()
        locked.held, locked.cause, locked.note = True, cause, note
        locked.held_at, locked.held_by = now, str(actor)
        locked.uncertain_before = None if cause == HoldCause.MANUAL else now
        locked.doubted_at, locked.decisions = None, {}
        locked.save()
        emit(SENDING_HELD, subject_id=None, payload={"cause": str(cause), "note": note}, actor=actor)
        transaction.on_commit(shown.forget, robust=True)
    log.warning("sending_held", cause=str(cause), by=str(actor))
    return locked


def start(*, actor: Actor) -> SendingHold:
    """Start sending again. Raises Conflict while a kind with uncertain items waits for a decision."""
    with transaction.atomic():
        locked = lock_row(SendingHold.objects.filter(pk=state().pk))
        if not locked.held:
            raise Conflict(_("Sending is not held."), code="not_held")
        if locked.uncertain_before is not None:
            if locked.doubted_at is None:
                raise Conflict(
                    _("Due items are still being marked as uncertain. Try again in a minute."), code="held_not_ready"
                )  # fmt: skip
            figures = count_waiting(locked)
            missing = [name for name in figures if figures[name].uncertain and name not in locked.decisions]
            if missing:
                raise Conflict(
                    _("Decide first: %(kinds)s.") % {"kinds": ", ".join(str(WAITING[name].label) for name in missing)},
                    code="held_undecided",
                    kinds=missing,
                )
        held_since, restored = locked.held_at, locked.uncertain_before is not None
        locked.held, locked.cause, locked.note, locked.held_at, locked.held_by = False, "", "", None, ""
        locked.uncertain_before, locked.doubted_at, locked.decisions = None, None, {}
        if restored:
            # This copy is valid from now on: the numbers that machines stored for the old copy are ignored.
            locked.line, locked.home = uuid.uuid4(), _home()
        locked.save()
        emit(
            SENDING_STARTED,
            subject_id=None,
            payload={"held_at": held_since.isoformat() if held_since else ""},
            actor=actor,
        )
        transaction.on_commit(shown.forget, robust=True)
    return locked


def decide(*, kind: str, choice: str, actor: Actor, seconds: float = 20.0) -> int:
    """Carry out a choice for one kind. Return the number of items; the rest is left when the time is up.

    Raises Invalid for an unknown kind or choice, Conflict when nothing was restored or the marking has not finished.
    """
    waiting = WAITING.get(kind)
    if waiting is None:
        raise Invalid(_("Not one of the choices."), code="invalid_choice", field="kind")
    if choice not in {str(one) for one in waiting.choices}:
        raise Invalid(_("Not one of the choices."), code="invalid_choice", field="choice")
    until = time.monotonic() + seconds
    done = 0
    while True:
        with transaction.atomic():
            locked = lock_row(SendingHold.objects.filter(pk=state().pk))
            if not locked.after_restore or locked.uncertain_before is None:
                raise Conflict(_("No backup was restored, so there is nothing to decide."), code="not_restored")
            if locked.doubted_at is None:
                raise Conflict(
                    _("Due items are still being marked as uncertain. Try again in a minute."), code="held_not_ready"
                )  # fmt: skip
            count, more = waiting.settle(HoldChoice(choice), locked.uncertain_before, CHUNK)
            done += count
            if not more:
                locked.decisions = {**locked.decisions, kind: choice}
                locked.save(update_fields=["decisions"])
                emit(
                    HELD_SETTLED,
                    subject_id=None,
                    payload={"kind": kind, "choice": choice, "count": done},
                    actor=actor,
                )
                return done
        if time.monotonic() > until:
            return done


def count_waiting(held: SendingHold | None = None) -> dict[str, WaitingCount]:
    """Return the waiting work by kind."""
    row = held or state()
    return {name: waiting.count(row.uncertain_before) for name, waiting in WAITING.items()}


def doubt_due() -> dict[str, int]:
    """Mark all due work as uncertain after a restore. Return the counts by kind; idempotent.

    Events that were pending at the time of the backup are delivered first, because their consequences may have been
    sent too. Nothing goes out during that, because sending is held.
    """
    row = state()
    if not row.after_restore or row.doubted_at is not None or row.uncertain_before is None:
        return {}
    outbox.deliver_all()
    done = {name: waiting.doubt(row.uncertain_before) for name, waiting in WAITING.items()}
    SendingHold.objects.filter(pk=1, doubted_at=None).update(doubted_at=clock.now())
    log.warning("due_marked_uncertain", **{name.replace(".", "_"): count for name, count in done.items()})
    return done


def notice_restore() -> str:
    """Hold sending when this database is an older copy or was moved. Return the cause or "".

    Called at the start of a process and every minute.
    """
    row = state()
    highest = marker.know(row.line)
    home = _home()
    cause = ""
    if _number() < highest:
        cause = HoldCause.OLDER
    elif row.home and home and row.home != home:
        cause = HoldCause.MOVED
    if cause and not row.after_restore:
        hold(cause=cause, actor=SYSTEM)
    return str(cause)


# Part of the transaction that loads the dump: no worker ever sees the restored rows without the hold.
RESTORED_SQL = """
INSERT INTO core_sendinghold (id, site, line, home, held, cause, note, held_at, held_by, uncertain_before, doubted_at,
                              decisions)
VALUES (1, gen_random_uuid(), gen_random_uuid(), '', true, 'restored', '', clock_timestamp(), 'system',
        clock_timestamp(), NULL, '{}')
ON CONFLICT (id) DO UPDATE SET line = gen_random_uuid(), held = true, cause = 'restored', note = '',
    held_at = clock_timestamp(), held_by = 'system',
    uncertain_before = clock_timestamp(), doubted_at = NULL, decisions = '{}';
"""


def _number() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT last_value FROM core_sending_seq")
        return cursor.fetchone()[0]


def _home() -> str:
    """Return the identity of the server and the database. It changes with every restore into a new database."""
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT CASE WHEN has_function_privilege('pg_control_system()', 'EXECUTE')
                           THEN (SELECT system_identifier::text FROM pg_control_system()) ELSE '' END
                      || '/' || (SELECT oid::text FROM pg_database WHERE datname = current_database())"""
        )
        return cursor.fetchone()[0]


def cause_label(cause: str) -> str:
    """Return the label of a cause, or the cause itself if it is unknown."""
    return str(dict(HoldCause.choices).get(cause, cause))


def describe_settled(payload: Mapping[str, Any]) -> str:
    """Return one sentence for the audit log."""
    waiting = WAITING.get(payload["kind"])
    choices = waiting.choices if waiting else CHOICES
    kind = str(waiting.label) if waiting else payload["kind"]
    return f"{kind} · {choices[HoldChoice(payload['choice'])]} · {payload['count']}"


def check() -> tuple[bool, str]:
    """Check for `doctor` that sending is not held."""
    held = SendingHold.objects.filter(pk=1, held=True).first()
    if held is None:
        return not is_held(), _t("an older copy of the database was put back") if is_held() else _t("not held")
    text = _t("held since %(time)s (%(cause)s): see manage.py sending status")
    return False, text % {"time": f"{held.held_at:%F %R}", "cause": cause_label(held.cause)}
