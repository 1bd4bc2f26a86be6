"""Conditions on orders: sums of the feature row, and products or categories within a window."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from analytics.conditions.kinds.windows import NEGATED, window_inputs, window_query, window_sql
from analytics.conditions.registry import CONDITIONS, SegmentCondition, Sql, choice, moment, number
from core.fields import Choices, Field
from crm.customers.labels import sales_channel_label
from crm.orders.models import Order, Product
from crm.orders.selectors.bought import line_counts

GROUP = _("Orders")
BOUGHT_OPERATORS: dict[str, str | Promise] = {
    "has": _("bought"),
    "has_not": _("did not buy"),
    "has_between": _("bought, between two dates"),
    "has_not_between": _("did not buy, between two dates"),
}
# Share of the discounts in the undiscounted order value, in whole per cent.
DISCOUNT_SHARE = """CASE WHEN f.gross_spend + f.discounted > 0
    THEN round(100.0 * f.discounted / (f.gross_spend + f.discounted))::int ELSE 0 END"""


def _categories() -> Choices:
    values = (
        Product.objects.exclude(category="").values_list("category", flat=True).distinct().order_by("category")[:500]
    )
    return [(value, value) for value in values]


def _channels() -> Choices:
    values = Order.objects.exclude(channel="").values_list("channel", flat=True).distinct().order_by("channel")[:100]
    return [(value, sales_channel_label(value)) for value in values]


def _bought(column: str) -> Callable[[str, dict[str, Any]], Sql]:
    """Build SQL for at least `times` matching orders in the window.

    Only paid lines that were not returned count (A7).
    """

    def sql(operator: str, values: dict[str, Any]) -> Sql:
        window = window_sql("l.bought_at", operator, values)
        found = f"""FROM {{lines}} AS l JOIN crm_product p ON p.id = l.product_id
            WHERE {column} AND {window.text} AND {line_counts("l")} AND l.customer_id IS NOT NULL"""
        times: tuple[int, ...] = ()
        if values["times"] == 1:
            people = f"SELECT l.customer_id {found}"
        elif values["times"] == 2:
            people = f"SELECT l.customer_id {found} GROUP BY l.customer_id HAVING min(l.order_id) < max(l.order_id)"
        else:
            # Hashing the orders first takes half the time of sorting them for a distinct count.
            people = f"""SELECT bought.customer_id FROM (SELECT DISTINCT l.customer_id, l.order_id {found}) AS bought
                GROUP BY bought.customer_id HAVING count(*) >= %s"""  # noqa: S608 - fragments of the conditions; values are parameters
            times = (values["times"],)
        text = f"(f.customer_id IN ({people}))"
        params = (values["values"] if "values" in values else values["sku"], *window.params, *times)
        return Sql(f"(NOT {text})" if operator in NEGATED else text, params)

    return sql


def _window_inputs(first: Field) -> Callable[[str], list[Field]]:
    return lambda operator: [first, *window_inputs(operator, 365)]


def register() -> None:
    for condition in (
        number("order_count", _("Number of orders"), GROUP, "f.order_count"),
        number("net_spend", _("Net spend"), GROUP, "f.net_spend", kind="money"),
        number("spend_365", _("Spend in the last year"), GROUP, "f.spend_365", kind="money", time_based=True),
        number("spend_90", _("Spend in the last 90 days"), GROUP, "f.spend_90", kind="money", time_based=True),
        number("orders_90", _("Number of orders in the last 90 days"), GROUP, "f.orders_90", time_based=True),
        number("average_order", _("Average order value"), GROUP, "f.average_order", kind="money"),
        number("refund_count", _("Number of refunds"), GROUP, "f.refund_count"),
        number("discount_share", _("Share of discounts in per cent"), GROUP, DISCOUNT_SHARE),
        moment("first_order", _("First order"), GROUP, "f.first_order_at"),
        moment("last_order", _("Last order"), GROUP, "f.last_order_at"),
        choice("main_channel", _("Main sales channel"), GROUP, "f.main_channel", _channels),
        choice("top_category", _("Favourite category"), GROUP, "f.top_category", _categories),
        SegmentCondition(
            "bought_category",
            _("Category"),
            GROUP,
            BOUGHT_OPERATORS,
            _window_inputs(Field("values", "choices", _("categories"), choices=_categories, picker="category")),
            _bought("p.category = ANY(%s)"),
            "array_to_string(f.categories, ', ')",
            time_based=True,
            query=window_query("bought", "{values}"),
        ),
        SegmentCondition(
            "bought_product",
            _("Product"),
            GROUP,
            BOUGHT_OPERATORS,
            _window_inputs(Field("sku", "verbatim", pgettext_lazy("catalogue", "product"), picker="product")),
            _bought("lower(p.sku) = lower(%s)"),
            "f.order_count",
            time_based=True,
            query=window_query("bought_product", "{sku}"),
        ),
    ):
        CONDITIONS.register(condition.name, condition)
