"""Announcements of points that will expire, as dated amounts (L10)."""

from __future__ import annotations

from datetime import datetime

from django.db import connection, transaction

from core.base import clock
from core.base.actor import SYSTEM
from core.db.locks import lock_name
from core.events.bus import emit_from_select
from loyalty.ledger import events
from loyalty.program.models import Program


def announce_expiries(*, program: Program, at: datetime | None = None) -> int:
    """Emit `loyalty.points_expiring` once for each member and each last good day within the program's notice.

    The last good day is the last day, in the program's zone, before the lots end. Returns how many notices were given.
    """
    if not program.expiry_notice_days:
        return 0
    with transaction.atomic(), connection.cursor() as cursor:
        lock_name("loyalty.expiry-notices", program.pk)
        cursor.execute(
            """INSERT INTO loyalty_expirynotice (account_id, expires_on, points)
               SELECT l.account_id, ((l.expires_at - interval '1 microsecond') AT TIME ZONE %(zone)s)::date AS last_day,
                      sum(l.remaining)
               FROM loyalty_lot l JOIN loyalty_account a ON a.id = l.account_id
               JOIN loyalty_pointtype t ON t.id = a.point_type_id AND t.spendable AND t.program_id = %(program)s
               JOIN loyalty_member m ON m.id = a.member_id AND m.state = 'active'
               WHERE l.open AND l.expires_at > %(at)s AND l.expires_at <= %(at)s + make_interval(days => %(days)s)
               GROUP BY 1, 2 ON CONFLICT DO NOTHING RETURNING id""",
            {
                "zone": program.time_zone,
                "program": program.pk,
                "at": at or clock.now(),
                "days": program.expiry_notice_days,
            },
        )
        notice_ids = [row[0] for row in cursor.fetchall()]
        if notice_ids:
            emit_from_select(
                events.POINTS_EXPIRING,
                """SELECT m.customer_id, jsonb_build_object('points', n.points, 'on', n.expires_on), now()
                   FROM loyalty_expirynotice n JOIN loyalty_account a ON a.id = n.account_id
                   JOIN loyalty_member m ON m.id = a.member_id WHERE n.id = ANY(%s)""",
                [notice_ids],
                actor=SYSTEM,
            )
    return len(notice_ids)
