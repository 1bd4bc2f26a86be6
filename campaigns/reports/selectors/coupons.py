"""Read the figures of coupons: issued, seen, used, and the orders that used them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from django.db import connection

from campaigns.reports.selectors.figures import KEPT_SECONDS, SLOW_SECONDS, ResultFigures, Revenue, reporting_channels
from core.db.slow_results import many_cached_when_slow
from core.db.statements import statement
from crm.orders.selectors.bought import order_counts


@dataclass
class CouponFigures(ResultFigures):
    """Hold the figures of one coupon. `discount` is in minor units of `currency`, the coupon's; "" before any use.

    `sent`: codes that a delivered message brought, of which `trackable` on channels that report opens; of these the
    customer opened and clicked some.
    """

    issued: int = 0
    codes_used: int = 0
    uses: int = 0
    discount: int = 0
    currency: str = ""


def coupon_figures(coupons: Collection[int]) -> dict[int, CouponFigures]:
    """Return the figures by coupon, with one statement. Slow ones are kept for ten minutes."""
    return many_cached_when_slow(
        {f"campaigns.coupon-results:{pk}": pk for pk in coupons},
        count_coupons,
        slow=SLOW_SECONDS,
        seconds=KEPT_SECONDS,
    )


def count_coupons(coupons: Collection[int]) -> dict[int, CouponFigures]:
    """Count the figures now."""
    result = {pk: CouponFigures() for pk in coupons}
    with connection.cursor() as cursor:
        cursor.execute(
            statement(__package__, "coupons", order_counts=order_counts("o")),
            {"coupons": list(coupons), **reporting_channels()},
        )
        for pk, kind, label, *counts in cursor.fetchall():
            figures = result[pk]
            if kind == "issued":
                figures.issued, figures.sent, figures.trackable, figures.opened, figures.clicked = counts[:5]
            elif kind == "used":
                figures.codes_used, figures.uses, figures.discount = counts[:3]
                figures.currency = label
            else:
                figures.revenue.append(Revenue(label, *counts[:3]))
    for figures in result.values():
        figures.revenue.sort(key=lambda row: (-row.orders, row.currency))
    return result
