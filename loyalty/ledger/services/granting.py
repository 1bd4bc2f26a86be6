"""Service that grants points without an order: for tasks, streaks, gifts of a tier."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import connection

from core.base.actor import SYSTEM, Actor
from core.db.locks import require_transaction
from core.events.bus import emit_from_select
from loyalty.ledger import events
from loyalty.ledger.rules.expiry import expires_at
from loyalty.program.models import Program


@dataclass(frozen=True)
class Grant:
    """Points for one account. `reference` is the reason that the member reads, such as `task:first-review`."""

    account: int
    points: int
    reference: str
    at: datetime


@dataclass(frozen=True)
class Granted:
    """The result of one grant: the entry and the lot that it created."""

    account: int
    points: int
    entry: int
    lot: int
    reference: str


def grant_points(*, program: Program, grants: Sequence[Grant], actor: Actor = SYSTEM) -> list[Granted]:
    """Give points at once, in lots that expire by the program's policy (L10). Inside the caller's transaction.

    Not idempotent: in the same transaction, the caller writes the unique row that prevents a second grant (L7).
    """
    require_transaction()
    wanted = [grant for grant in grants if grant.points > 0]
    if not wanted:
        return []
    ends = [expires_at(grant.at, program.expiry_policy, program.expiry_count, program.time_zone) for grant in wanted]
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT account_id, points, entry_id, lot_id, reference FROM loyalty_grant(
                   %s::bigint[], %s::bigint[], %s::text[], %s::timestamptz[], %s::timestamptz[], %s::timestamptz[],
                   %s)""",
            [
                [grant.account for grant in wanted],
                [grant.points for grant in wanted],
                [grant.reference for grant in wanted],
                [grant.at for grant in wanted],
                ends,
                [grant.at for grant in wanted],
                str(actor),
            ],
        )
        granted = [Granted(*row) for row in cursor.fetchall()]
    emit_from_select(
        events.POINTS_EARNED,
        """SELECT m.customer_id, jsonb_build_object('points', e.available + e.pending, 'reference', e.reference),
                  e.occurred_at
           FROM loyalty_entry e JOIN loyalty_account a ON a.id = e.account_id
           JOIN loyalty_member m ON m.id = a.member_id
           JOIN loyalty_pointtype t ON t.id = a.point_type_id AND t.spendable
           WHERE e.id = ANY(%s) ORDER BY e.id""",
        [[one.entry for one in granted]],
        actor=actor,
    )
    # Growth value moves members up a tier at once (T2); spendable points never do (T1).
    emit_from_select(
        events.ACCOUNTS_CHANGED,
        """SELECT NULL::bigint, jsonb_build_object('customers', jsonb_agg(DISTINCT m.customer_id)), now()
           FROM loyalty_entry e JOIN loyalty_account a ON a.id = e.account_id
           JOIN loyalty_member m ON m.id = a.member_id
           JOIN loyalty_pointtype t ON t.id = a.point_type_id AND NOT t.spendable
           WHERE e.id = ANY(%s) HAVING count(*) > 0""",
        [[one.entry for one in granted]],
        actor=actor,
    )
    return granted
