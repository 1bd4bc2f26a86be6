"""Read the links that customers followed in the messages of a campaign."""

from __future__ import annotations

from django.db import connection


def links_of(origin: str, limit: int = 20) -> list[tuple[str, int]]:
    """Return (address, number of messages with a click on it), most first."""
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT c.url, count(*) FROM campaigns_linkclick c JOIN campaigns_message m ON m.id = c.message_id
               WHERE m.origin = %s GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT %s""",
            [origin, limit],
        )
        return cursor.fetchall()
