"""How each channel did lately, for the cards of the channels."""

from __future__ import annotations

from collections.abc import Mapping

from django.db import connection

from campaigns.channels.registry import ChannelHealth
from core.base import clock
from core.db.slow_results import cached_when_slow

DAYS = 7
SLOW, SECONDS = 0.3, 60


def channel_health() -> Mapping[str, ChannelHealth]:
    """Return {channel: health}. A message older than DAYS counts nowhere; it is cached for a minute when it is slow."""
    return cached_when_slow("campaigns.channel-health", _read, slow=SLOW, seconds=SECONDS)


def _read() -> dict[str, ChannelHealth]:
    now = clock.now()
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT channel, max(sent_at),
                      count(*) FILTER (WHERE state = 'sent' AND sent_at > %(now)s - interval '24 hours'),
                      count(*) FILTER (WHERE state = 'failed' AND decided_at > %(now)s - interval '24 hours'),
                      count(*) FILTER (WHERE state = 'queued' AND due_at <= %(now)s),
                      (array_agg(error ORDER BY decided_at DESC NULLS LAST)
                       FILTER (WHERE error <> '' AND (state = 'queued' OR state = 'failed'
                               AND decided_at > %(now)s - interval '24 hours')))[1]
               FROM campaigns_message WHERE created_at > %(now)s - make_interval(days => %(days)s) GROUP BY channel""",
            {"now": now, "days": DAYS},
        )
        return {
            channel: ChannelHealth(last, sent, failed, waiting, error or "")
            for channel, last, sent, failed, waiting, error in cursor.fetchall()
        }
