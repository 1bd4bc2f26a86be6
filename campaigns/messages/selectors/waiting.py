"""Read what of a campaign still waits, why, and until when."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db import connection

from core.base import clock
from core.sending import services as sending_hold

# Reasons of waiting that are not reasons of the gate.
DUE, ZONE, PACE, RETRY, HANDING_OVER, ALL_HELD = "due", "zone", "pace", "retry", "handing_over", "all_held"


@dataclass(frozen=True)
class WaitingMessages:
    """Hold how many messages wait for one reason, and when the first and the last of them are due."""

    reason: str
    count: int
    first: datetime
    last: datetime


def waiting_by_reason(origin: str, *, zoned: bool, paced: bool) -> list[WaitingMessages]:
    """Return the messages of a campaign that wait, most first.

    `zoned`: they wait for a time in each customer's zone. `paced`: a limit a minute spreads them.
    """
    later = ZONE if zoned else PACE if paced else DUE
    held = sending_hold.is_held()
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT CASE WHEN state = 'sending' THEN %(handing_over)s
                           WHEN state = 'held' THEN reason
                           WHEN %(held)s THEN %(all_held)s
                           WHEN attempts > 0 OR error <> '' THEN %(retry)s
                           WHEN due_at > %(now)s THEN %(later)s ELSE %(due)s END, count(*), min(due_at), max(due_at)
               FROM campaigns_message WHERE origin = %(origin)s AND state IN ('queued', 'held', 'sending')
               GROUP BY 1 ORDER BY 2 DESC, 1""",
            {
                "origin": origin, "now": clock.now(), "held": held, "later": later, "due": DUE, "retry": RETRY,
                "handing_over": HANDING_OVER, "all_held": ALL_HELD,
            },
        )  # fmt: skip
        return [WaitingMessages(*row) for row in cursor.fetchall()]
