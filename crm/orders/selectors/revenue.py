"""Read the revenue of the last days beside that of the days before."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.db import connection

from core.base import clock
from core.base.zones import shop_day, shop_midnight, shop_zone
from crm.customers.selectors import shop_currency
from crm.orders.selectors.bought import order_counts

DAYS = 30


def revenue_by_day(days: int = DAYS) -> dict[str, Any]:
    """Return net revenue and orders of each of the last `2 * days` days of the shop, in a form that can be kept."""
    currency = shop_currency()
    today = shop_day(clock.now())
    first = today - timedelta(days=2 * days - 1)
    with connection.cursor() as cursor:
        cursor.execute(
            f"""SELECT (o.paid_at AT TIME ZONE %s)::date, sum(o.total - o.refunded)::bigint, count(*)
                FROM crm_order o WHERE o.paid_at >= %s AND o.currency = %s AND {order_counts("o")} GROUP BY 1""",  # noqa: S608 - fragment of the code; values are parameters
            [shop_zone(), shop_midnight(first), currency],
        )
        counted = {day: (net, orders) for day, net, orders in cursor.fetchall()}
    rows = []
    for offset in range(2 * days):
        day = first + timedelta(days=offset)
        net, orders = counted.get(day, (0, 0))
        rows.append({"day": day.isoformat(), "net": net, "orders": orders})
    return {"currency": currency, "days": rows}
