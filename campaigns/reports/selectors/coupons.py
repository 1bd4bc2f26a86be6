"""Read the figures of coupons: issued, seen, used, and the orders that used them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from django.db import connection

from campaigns.reports.selectors.figures import KEPT_SECONDS, SLOW_SECONDS, Revenue, reporting_channels
from core.db.slow_results import many_cached_when_slow
from core.db.statements import statement
from crm.orders.selectors.bought import order_counts


@dataclass
class CouponFigures:
    """Hold the figures of one coupon. `discount` is in minor units of `currency`, the coupon's; "" before any use.

    `sent`: codes that a delivered message brought, of which `trackable` on channels that report opens; of these the
    customer opened and clicked some.
    """

    issued: int = 0
    sent: int = 0
    trackable: int = 0
    opened: int = 0
    clicked: int = 0
    codes_used: int = 0
    uses: int = 0
    discount: int = 0
    currency: str = ""
    revenue: list[Revenue] = field(default_factory=list)

    @property
    def orders(self) -> int:
        return sum(row.orders for row in self.revenue)

    @property
    def open_rate(self) -> float | None:
        return self.opened / self.trackable if self.trackable else None

    @property
    def click_rate(self) -> float | None:
        return self.clicked / self.trackable if self.trackable else None

    def net(self, currency: str) -> int:
        """Return the net revenue in this currency, in minor units."""
        return sum(row.net for row in self.revenue if row.currency == currency)


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
