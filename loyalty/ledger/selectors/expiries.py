"""Read the dates on which many points of all members expire."""

from __future__ import annotations

from typing import Any

from django.db import connection

from core.base import clock

AHEAD_DAYS = 400
# A date counts as one with many points when this share of all points that expire in the time ends on it.
MANY_SHARE = 0.02
_BY_DAY = """
SELECT ((l.expires_at - interval '1 microsecond') AT TIME ZONE p.time_zone)::date AS last_day,
       sum(l.remaining)::bigint, count(DISTINCT l.account_id)
FROM loyalty_lot l JOIN loyalty_account a ON a.id = l.account_id
JOIN loyalty_pointtype t ON t.id = a.point_type_id AND t.spendable
JOIN loyalty_member m ON m.id = a.member_id AND m.state = 'active'
JOIN loyalty_program p ON p.id = m.program_id AND p.is_default
WHERE l.open AND l.remaining > 0 AND l.expires_at > %(now)s
      AND l.expires_at <= %(now)s + make_interval(days => %(ahead)s)
GROUP BY 1 ORDER BY 1"""


def days_of_many_expiries() -> list[dict[str, Any]]:
    """Return the last valid days of many points, in the program's zone: `on`, `points`, `members`."""
    with connection.cursor() as cursor:
        cursor.execute(_BY_DAY, {"now": clock.now(), "ahead": AHEAD_DAYS})
        rows = cursor.fetchall()
    least = sum(points for _on, points, _members in rows) * MANY_SHARE
    return [
        {"on": on.isoformat(), "points": points, "members": members} for on, points, members in rows if points >= least
    ]
