"""Sweeps over points: windows pass, lots and holds expire. Every sweep works in chunks and skips locked rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.db import connection, transaction

from core.base.errors import DomainError
from core.db.functions import call
from core.db.locks import lock_columns
from core.events.bus import emit_from_select, handler_names, wake
from core.jobs.sweeping import Sweep
from loyalty.ledger import events
from loyalty.ledger.services.redemption import REFUSALS

CHUNK = 5000


def sweep_lots(*, limit: int = 1_000_000) -> int:
    """Confirm lots whose window has passed and expire lots that have ended. Returns how many accounts were settled."""
    sweep = Sweep("loyalty.sweep_lots")
    settled = 0
    while settled < limit:
        with connection.cursor() as cursor:
            cursor.execute(
                """SELECT account_id FROM loyalty_lot
                   WHERE open AND expires_at <= statement_timestamp() AND account_id <> ALL (%s::bigint[])
                   UNION SELECT account_id FROM loyalty_lot
                         WHERE open AND confirmed_at IS NULL AND available_from <= statement_timestamp()
                               AND account_id <> ALL (%s::bigint[]) LIMIT %s""",
                [[int(row) for row in sweep.waiting]] * 2 + [CHUNK],
            )
            accounts = sorted(row[0] for row in cursor.fetchall())
        done = sum(sweep.attempt_all(accounts, _settle)) if accounts else 0
        if not done and not sweep.went_on():
            break
        settled += done
    return settled


def _settle(accounts: Sequence[int]) -> int:
    """Settle the accounts that no other transaction has locked. Returns how many."""
    with transaction.atomic(), connection.cursor() as cursor:
        free = [pk for (pk,) in lock_columns("loyalty_account", accounts, skip_locked=True)]
        if not free:
            return 0
        cursor.execute("SELECT account, points FROM loyalty_settle_many(%s::bigint[], clock_timestamp())", [free])
        gone = cursor.fetchall()
        if gone:
            emit_from_select(
                events.POINTS_EXPIRED,
                """SELECT m.customer_id, jsonb_build_object('points', gone.points), clock_timestamp()
                   FROM unnest(%s::bigint[], %s::bigint[]) AS gone(account, points)
                   JOIN loyalty_account a ON a.id = gone.account JOIN loyalty_member m ON m.id = a.member_id
                   JOIN loyalty_pointtype t ON t.id = a.point_type_id AND t.spendable""",
                [[row[0] for row in gone], [row[1] for row in gone]],
            )
        emit_from_select(
            events.ACCOUNTS_CHANGED,
            """SELECT NULL::bigint, jsonb_build_object('customers', jsonb_agg(m.customer_id)), now()
               FROM loyalty_account a JOIN loyalty_member m ON m.id = a.member_id WHERE a.id = ANY(%s)""",
            [free],
        )
    return len(free)


def sweep_holds(*, limit: int = 100_000) -> int:
    """Release holds that have expired (L8). Returns how many ended."""
    sweep = Sweep("loyalty.sweep_holds")
    ended = 0
    handlers = handler_names(events.HOLD_RELEASED.kind)
    while ended < limit:
        with connection.cursor() as cursor:
            cursor.execute(
                """SELECT id FROM loyalty_hold
                   WHERE state = 'held' AND expires_at <= statement_timestamp() AND id <> ALL (%s::uuid[])
                   ORDER BY expires_at LIMIT %s""",
                [list(sweep.waiting), CHUNK],
            )
            holds = [row[0] for row in cursor.fetchall()]
        done = sum(bool(sweep.attempt(hold, lambda hold=hold: _expire(hold, handlers))) for hold in holds)
        if not done and not sweep.went_on():
            break
        ended += done
    if ended:
        wake(handlers)
    return ended


def _expire(hold: UUID, handlers: list[str]) -> bool:
    """End one hold in its own transaction. Return False when another transaction ended it first."""
    arguments: list[Any] = [hold, "expired", None, None, "system", "", handlers]
    try:
        return call("loyalty_end_hold", arguments, refusals=REFUSALS) is not None
    except DomainError:
        return False
