"""Limit a broadcast at the moment of the claim: nothing while it is paused, at most so many messages a minute.

The broadcast's row is locked until the claim commits. So two workers never exceed the limit together, and a confirmed
pause holds for every later claim.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection

from campaigns.messages.labels import PAUSED
from core.db.locks import Strength, lock_columns

PREFIX = "broadcast:"
# Due messages of a paused broadcast are checked again after this time; a resume brings them forward.
PAUSED_FOR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)


def admit(rows: list[dict[str, Any]], now: datetime) -> list[dict[str, Any]]:
    """Return the messages that may go to the gate now; postpone the others inside the caller's transaction."""
    of: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        if row["origin"].startswith(PREFIX):
            of[int(row["origin"][len(PREFIX) :])].append(row)
    if not of:
        return rows
    off: set[UUID] = set()
    for pk, state, per_minute, minute, count in _locked(sorted(of)):
        mine = of[pk]
        if state == PAUSED:
            _pause([row["id"] for row in mine], now)
            off.update(row["id"] for row in mine)
        elif per_minute and state != "stopped":
            this = now.replace(second=0, microsecond=0)
            free = max(per_minute - (count if minute == this else 0), 0)
            late = mine[free:]
            _count(pk, this, (count if minute == this else 0) + len(mine) - len(late))
            _put_off([row["id"] for row in late], this, per_minute)
            off.update(row["id"] for row in late)
    return [row for row in rows if row["id"] not in off]


def _locked(ids: list[int]) -> list[tuple[int, str, int, datetime | None, int]]:
    """Lock the broadcasts: exclusively when messages are counted; otherwise only against a change of the state."""
    rows = []
    columns = ["id", "state", "per_minute", "minute", "minute_count"]
    for pk in ids:
        rows += lock_columns("campaigns_broadcast", [pk], columns, where="per_minute > 0") or lock_columns(
            "campaigns_broadcast", [pk], columns, strength=Strength.KEY_SHARE
        )
    return rows


def _pause(ids: list[UUID], now: datetime) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            """UPDATE campaigns_message SET state = 'held', reason = %s, decided_at = %s, due_at = %s
               WHERE id = ANY(%s)""",
            [PAUSED, now, now + PAUSED_FOR, ids],
        )


def _count(pk: int, minute: datetime, count: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE campaigns_broadcast SET minute = %s, minute_count = %s WHERE id = %s", [minute, count, pk]
        )


def _put_off(ids: list[UUID], minute: datetime, per_minute: int) -> None:
    """Postpone the messages to the following minutes, as many as each minute has room for."""
    if not ids:
        return
    due = [minute + MINUTE * (1 + number / per_minute) for number in range(len(ids))]
    with connection.cursor() as cursor:
        cursor.execute(
            """UPDATE campaigns_message m SET due_at = g.due_at
               FROM unnest(%s::uuid[], %s::timestamptz[]) AS g(id, due_at)
               WHERE m.id = g.id""",
            [ids, due],
        )
