"""Handle messages and journeys while sending is held: waiting ones, uncertain ones after a restore, and decisions."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any

from django.db import connection
from django.utils.translation import gettext_lazy as _

from campaigns.broadcasts.services import runs as broadcast_runs
from campaigns.care.services import runs as care_runs
from campaigns.journeys import rules
from campaigns.journeys.models import EndReason
from campaigns.journeys.services import engine as journey_engine
from campaigns.journeys.services import entries as journey_entries
from campaigns.messages.labels import RESTORED
from campaigns.messages.services.messages import announce
from core.sending.registry import WAITING, HoldChoice, Waiting, WaitingCount

ADVANCE_SECONDS = 15.0
# Conditions that sort messages into kinds. "other" holds all messages without a campaign, such as answers to a
# customer's action.
ORIGINS = {
    "broadcasts": "m.origin LIKE 'broadcast:%%'",
    "care": "m.origin LIKE 'care:%%'",
    "journeys": "m.origin LIKE 'journey:%%'",
    "other": "m.origin NOT LIKE ALL (ARRAY['broadcast:%%', 'care:%%', 'journey:%%'])",
}
# A message of a broadcast that should have started before may have been sent at any pace, or resumed and moved forward.
_DUE = {
    "broadcasts": """(m.due_at <= clock_timestamp() OR EXISTS (
        SELECT FROM campaigns_broadcast b WHERE m.origin = 'broadcast:' || b.id AND b.starts_at <= %(before)s))""",
}


def register_all() -> None:
    """Register the kinds of messages that wait while sending is held, and journeys."""
    for name, label, prepare in (
        ("broadcasts", _("Messages of broadcasts"), _prepare_broadcasts),
        ("care", _("Messages of care rules"), _prepare_care),
        ("journeys", _("Messages of journeys"), None),
        ("other", _("Other messages, such as replies and satisfaction questions"), None),
    ):
        WAITING.register(
            f"messages.{name}",
            Waiting(label, partial(_doubt, name, prepare), partial(_count, name), partial(_settle, name)),
        )
    WAITING.register(
        "journeys",
        Waiting(
            _("Customers in journeys whose next step was due"),
            _doubt_runs,
            _count_runs,
            _settle_runs,
            {
                HoldChoice.RELEASE: _("Continue: the steps were not done"),
                HoldChoice.SENT: _("Continue, and mark due messages as sent"),
                HoldChoice.DROP: _("End these journeys"),
            },
        ),
    )


def _prepare_broadcasts(before: datetime) -> None:
    broadcast_runs.take_due(before=before)


def _prepare_care(_before: datetime) -> None:
    care_runs.run_care_rules(though_held=True)


def _doubt(name: str, prepare: Callable[[datetime], None] | None, before: datetime) -> int:
    """Mark due messages of this kind as uncertain, including those that are still to be made."""
    if prepare is not None:
        prepare(before)
    due = _DUE.get(name, "m.due_at <= clock_timestamp()")
    with connection.cursor() as cursor:
        cursor.execute(
            f"""UPDATE campaigns_message m
                SET state = 'uncertain', reason = %(restored)s, claim = NULL, leased_until = NULL,
                    decided_at = coalesce(m.decided_at, clock_timestamp())
                WHERE {ORIGINS[name]} AND (m.state = 'sending' OR m.state IN ('queued', 'held') AND ({due}
                      OR m.state = 'held' AND m.reason = 'paused'))""",  # noqa: S608 - fragments of the code; values are parameters
            {"restored": RESTORED, "before": before},
        )
        return cursor.rowcount


def _count(name: str, _before: datetime | None) -> WaitingCount:
    with connection.cursor() as cursor:
        cursor.execute(
            f"""SELECT count(*) FILTER (WHERE m.state = 'uncertain'), count(*) FILTER (WHERE m.state <> 'uncertain')
                FROM campaigns_message m
                WHERE {ORIGINS[name]} AND (m.state = 'uncertain' AND m.reason = %(restored)s
                      OR m.state IN ('queued', 'held') AND m.due_at <= clock_timestamp())""",  # noqa: S608 - fragments of the code; values are parameters
            {"restored": RESTORED},
        )
        return WaitingCount(*cursor.fetchone())


_SETTLED = {
    HoldChoice.RELEASE: "state = 'queued', reason = '', decided_at = NULL, provider_id = '', attempts = 0, error = ''",
    HoldChoice.SENT: "state = 'sent', reason = '', sent_at = least(m.due_at, clock_timestamp())",
    HoldChoice.DROP: "state = 'suppressed', decided_at = clock_timestamp()",
}


def _settle(name: str, choice: HoldChoice, _before: datetime, limit: int) -> tuple[int, bool]:
    return _update(
        f"m.state = 'uncertain' AND m.reason = %(restored)s AND {ORIGINS[name]}", choice, {"restored": RESTORED}, limit
    )


def _update(where: str, choice: HoldChoice, params: dict[str, Any], limit: int) -> tuple[int, bool]:
    with connection.cursor() as cursor:
        cursor.execute(
            f"""UPDATE campaigns_message m SET {_SETTLED[choice]}
                FROM (SELECT m.id FROM campaigns_message m WHERE {where}
                      ORDER BY m.id LIMIT %(limit)s FOR UPDATE) AS chosen
                WHERE m.id = chosen.id RETURNING m.id""",  # noqa: S608 - fragments of the code; values are parameters
            {**params, "limit": limit},
        )
        ids = [pk for (pk,) in cursor.fetchall()]
    if choice is HoldChoice.SENT:
        announce(ids)
    return len(ids), len(ids) == limit


def _doubt_runs(before: datetime) -> int:
    """Let customers with a due date enter, then count everything due now as due before."""
    journey_entries.enter_due(though_held=True)
    with connection.cursor() as cursor:
        cursor.execute(
            """UPDATE campaigns_journeyrun r SET due_at = least(r.due_at, %s), claim = NULL, leased_until = NULL
               WHERE r.state = 'active' AND r.due_at <= clock_timestamp()""",
            [before],
        )
        return cursor.rowcount


def _count_runs(before: datetime | None) -> WaitingCount:
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT count(*) FILTER (WHERE r.due_at <= %(before)s::timestamptz),
                      count(*) FILTER (WHERE r.due_at <= %(before)s::timestamptz IS NOT TRUE)
               FROM campaigns_journey j JOIN campaigns_journeyrun r ON r.journey_id = j.id
               WHERE j.state IN ('running', 'paused') AND r.state = 'active' AND r.due_at <= clock_timestamp()""",
            {"before": before},
        )
        return WaitingCount(*cursor.fetchone())


def _settle_runs(choice: HoldChoice, before: datetime, limit: int) -> tuple[int, bool]:
    if choice is HoldChoice.RELEASE:
        return _count_runs(before).uncertain, False
    if choice is HoldChoice.SENT:
        steps = journey_engine.advance_due(seconds=ADVANCE_SECONDS, held_before=before)
        more = True
        while more:
            # The steps run in this same transaction, so messages with its timestamp were made by them.
            _many, more = _update(
                "m.state = 'queued' AND m.created_at >= now() AND m.origin LIKE 'journey:%%'", choice, {}, limit
            )
        return steps, steps > 0
    return _end_runs(before, limit)


def _end_runs(before: datetime, limit: int) -> tuple[int, bool]:
    with connection.cursor() as cursor:
        cursor.execute(
            """UPDATE campaigns_journeyrun r SET state = 'ended', ended_at = clock_timestamp(), end_reason = 'stopped',
                      claim = NULL, leased_until = NULL, waits_until = NULL, waits_for = ''
               FROM (SELECT r.id FROM campaigns_journeyrun r JOIN campaigns_journey j ON j.id = r.journey_id
                     WHERE j.state IN ('running', 'paused') AND r.state = 'active' AND r.due_at <= %s
                     ORDER BY r.id LIMIT %s FOR UPDATE OF r) AS chosen
               WHERE r.id = chosen.id RETURNING r.version_id""",
            [before, limit],
        )
        versions = [row[0] for row in cursor.fetchall()]
    for version in sorted(set(versions)):
        journey_engine.count(version, {(rules.END, EndReason.STOPPED): versions.count(version)})
    return len(versions), len(versions) == limit
