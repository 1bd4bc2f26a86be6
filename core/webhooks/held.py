"""Webhook deliveries while sending is held."""

from __future__ import annotations

from datetime import datetime

from django.db import connection
from django.utils.translation import gettext_lazy as _

from core.sending.registry import WAITING, HoldChoice, Waiting, WaitingCount

_SETTLED = {
    HoldChoice.RELEASE: "state = 'pending', attempts = 0, due_at = clock_timestamp(), ended_at = NULL",
    HoldChoice.SENT: "state = 'delivered', ended_at = clock_timestamp()",
    HoldChoice.DROP: "state = 'dead', ended_at = clock_timestamp()",
}


def _doubt(_before: datetime) -> int:
    """Mark all pending deliveries, whenever due: each may have been sent and accepted since the backup."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE core_webhookdelivery SET state = 'uncertain', leased_until = NULL WHERE state = 'pending'"
        )
        return cursor.rowcount


def _count(_before: datetime | None) -> WaitingCount:
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT count(*) FILTER (WHERE d.state = 'uncertain'), count(*) FILTER (WHERE d.state = 'pending')
               FROM core_webhookdelivery d JOIN core_webhookendpoint e ON e.id = d.endpoint_id
               WHERE d.state = 'uncertain' OR d.state = 'pending' AND e.active AND d.due_at <= clock_timestamp()"""
        )
        return WaitingCount(*cursor.fetchone())


def _settle(choice: HoldChoice, _before: datetime, limit: int) -> tuple[int, bool]:
    with connection.cursor() as cursor:
        cursor.execute(
            f"""UPDATE core_webhookdelivery d SET {_SETTLED[choice]}
                FROM (SELECT id FROM core_webhookdelivery WHERE state = 'uncertain'
                      ORDER BY id LIMIT %s FOR UPDATE) AS chosen
                WHERE d.id = chosen.id""",  # noqa: S608 - constant fragments; values are parameters
            [limit],
        )
        return cursor.rowcount, cursor.rowcount == limit


WAITING.register("webhooks", Waiting(_("Webhook deliveries"), _doubt, _count, _settle))
