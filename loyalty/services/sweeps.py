"""What time does to points: windows pass, lots and holds run out. Every sweep works in chunks and skips what is locked."""

from __future__ import annotations

from django.db import connection, transaction

from core.events import emit_from_select, handler_names, wake
from loyalty import events

CHUNK = 5000


def sweep_lots(*, limit: int = 1_000_000) -> int:
    """Confirm lots whose window has passed and expire those that ran out. Returns how many accounts were settled."""
    settled = 0
    while settled < limit:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(
                """SELECT id FROM loyalty_account WHERE id IN (
                       SELECT account_id FROM loyalty_lot WHERE open AND expires_at <= statement_timestamp()
                       UNION SELECT account_id FROM loyalty_lot
                             WHERE open AND confirmed_at IS NULL AND available_from <= statement_timestamp() LIMIT %s)
                   ORDER BY id FOR NO KEY UPDATE SKIP LOCKED""",
                [CHUNK],
            )
            accounts = [row[0] for row in cursor.fetchall()]
            if not accounts:
                break
            cursor.execute(
                "SELECT account, points FROM loyalty_settle_many(%s::bigint[], clock_timestamp())", [accounts]
            )
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
                [accounts],
            )
        settled += len(accounts)
    return settled


def sweep_holds(*, limit: int = 100_000) -> int:
    """Release holds whose time has run out (L8). Returns how many ended."""
    ended = 0
    handlers = handler_names(events.HOLD_RELEASED.kind)
    while ended < limit:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT id FROM loyalty_hold WHERE state = 'held' AND expires_at <= statement_timestamp() ORDER BY expires_at LIMIT %s",
                [CHUNK],
            )
            holds = [row[0] for row in cursor.fetchall()]
        if not holds:
            break
        done = sum(_expire(hold, handlers) for hold in holds)
        if not done:
            break
        ended += done
    if ended:
        wake(handlers)
    return ended


def _expire(hold, handlers: list[str]) -> bool:
    """One hold in its own transaction; false when someone ended it first."""
    from core.db import call
    from core.errors import DomainError
    from loyalty.services.redemption import REFUSALS

    try:
        return (
            call("loyalty_end_hold", [hold, "expired", None, None, "system", "", handlers], refusals=REFUSALS)
            is not None
        )
    except DomainError:
        return False
