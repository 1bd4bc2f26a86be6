"""Read the results of a campaign: opens, clicks, and orders within its attribution window, net of refunds (A2)."""

from __future__ import annotations

from dataclasses import dataclass

from django.db import connection

from campaigns.messages.selectors.own import messages_of
from crm.orders.selectors.bought import order_counts


@dataclass(frozen=True)
class Revenue:
    """Hold the orders of one currency: `net` is in minor units, less refunds."""

    currency: str
    customers: int
    orders: int
    net: int
    clicked_orders: int
    clicked_net: int


@dataclass(frozen=True)
class CampaignResults:
    """Hold the results.

    `delivered`: handed over. `held_out`: customers without a message; see `selectors/holdouts.py`.
    """

    delivered: int
    opened: int
    clicked: int
    held_out: int
    days: int
    revenue: list[Revenue]

    @property
    def customers(self) -> int:
        return sum(row.customers for row in self.revenue)


# An order is attributed to the last message of the campaign before it, so that it counts once for any number of
# messages.
_ORDERS = f"""
SELECT o.currency, count(DISTINCT o.customer_id), count(*), coalesce(sum(o.total - o.refunded), 0)::bigint,
       count(*) FILTER (WHERE last.clicked_at <= o.paid_at),
       coalesce(sum(o.total - o.refunded) FILTER (WHERE last.clicked_at <= o.paid_at), 0)::bigint
FROM (SELECT DISTINCT customer_id FROM campaigns_message WHERE origin = %(origin)s AND state = 'sent') AS reached
JOIN crm_order o ON o.customer_id = reached.customer_id AND {order_counts("o")}
    AND o.paid_at >= (SELECT min(sent_at) FROM campaigns_message WHERE origin = %(origin)s AND state = 'sent')
CROSS JOIN LATERAL (
    SELECT m.sent_at, m.clicked_at FROM {messages_of("o")} AS m
    WHERE m.origin = %(origin)s AND m.state = 'sent' AND m.sent_at <= o.paid_at
    ORDER BY m.sent_at DESC LIMIT 1) AS last
WHERE o.paid_at < last.sent_at + make_interval(days => %(days)s)
GROUP BY o.currency ORDER BY 2 DESC, 1
"""  # noqa: S608 - fragments of the code; values are parameters


def results_of(origin: str, days: int) -> CampaignResults:
    """Return the results over all messages of the campaign; `days` is its attribution window, from the moment of
    sending.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT count(*) FILTER (WHERE state = 'sent'), count(opened_at) FILTER (WHERE state = 'sent'),
                      count(clicked_at) FILTER (WHERE state = 'sent'),
                      count(DISTINCT customer_id) FILTER (WHERE reason = 'holdout')
               FROM campaigns_message WHERE origin = %s""",
            [origin],
        )
        delivered, opened, clicked, held_out = cursor.fetchone()
        revenue: list[Revenue] = []
        if delivered:
            cursor.execute(_ORDERS, {"origin": origin, "days": days})
            revenue = [Revenue(*row) for row in cursor.fetchall()]
    return CampaignResults(delivered, opened, clicked, held_out, days, revenue)


def links_of(origin: str, limit: int = 20) -> list[tuple[str, int]]:
    """Return (address, number of messages with a click on it), most first."""
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT c.url, count(*) FROM campaigns_linkclick c JOIN campaigns_message m ON m.id = c.message_id
               WHERE m.origin = %s GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT %s""",
            [origin, limit],
        )
        return cursor.fetchall()
