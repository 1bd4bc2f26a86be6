"""Recommend best sellers of the category that a customer buys most, else of the shop: the last recommender tried."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from django.core.cache import cache
from django.db import connection
from django.utils.translation import gettext_lazy as _

from analytics.recommendations.registry import Recommendation, RecommendedProduct
from crm.orders.selectors.bought import line_counts, line_units, order_counts

DAYS = 90
KEPT_SECONDS = 3600
MOST = 12
KEY = "campaigns.best_sellers"


class BestSellers:
    """Recommend best sellers of the last 90 days, without products that the customer has bought before."""

    def recommend(self, customer_ids: Sequence[int], limit: int) -> dict[int, Recommendation]:
        """Recommend best sellers of each customer's favourite category, without products that the customer bought."""
        sellers = best_sellers()
        if not sellers.get(""):
            return {}
        favourite, bought = _tastes(customer_ids)
        recommendations = {}
        for pk in customer_ids:
            category = favourite.get(pk, "")
            products = [item for item in sellers.get(category, []) if item.sku not in bought[pk]][:limit]
            if category and products:
                recommendations[pk] = Recommendation(
                    _("Best sellers in %(category)s"), products, {"category": category.split("/")[-1]}
                )
                continue
            products = [item for item in sellers[""] if item.sku not in bought[pk]][:limit]
            if products:
                recommendations[pk] = Recommendation(_("Best sellers"), products)
        return recommendations


def best_sellers() -> dict[str, list[RecommendedProduct]]:
    """Return the products by category, most units first; "" is the whole shop. The result is cached for an hour."""
    cached = cache.get(KEY)
    if cached is not None:
        return cached
    with connection.cursor() as cursor:
        cursor.execute(
            f"""WITH sold AS (
                   SELECT l.product_id, sum({line_units("l")}) AS units
                   FROM crm_order o JOIN crm_orderline l ON l.order_id = o.id AND l.kind = 'product'
                   WHERE {order_counts("o")} AND {line_counts("l")} AND o.paid_at > now() - make_interval(days => %s)
                         AND l.product_id IS NOT NULL
                   GROUP BY 1 HAVING sum({line_units("l")}) > 0),
               ranked AS (
                   SELECT p.sku, p.name, p.price, p.category, s.units,
                          row_number() OVER (PARTITION BY p.category ORDER BY s.units DESC, p.id) AS in_category,
                          row_number() OVER (ORDER BY s.units DESC, p.id) AS in_shop
                   FROM sold s JOIN crm_product p ON p.id = s.product_id AND p.active AND p.name <> '')
               SELECT sku, name, price, category, in_category, in_shop FROM ranked
               WHERE in_category <= %s OR in_shop <= %s ORDER BY units DESC, sku""",  # noqa: S608 - fragments of crm.orders; values are parameters
            [DAYS, MOST, MOST],
        )
        by_category: dict[str, list[RecommendedProduct]] = defaultdict(list)
        for sku, name, price, category, in_category, in_shop in cursor.fetchall():
            item = RecommendedProduct(sku, name, price)
            if category and in_category <= MOST:
                by_category[category].append(item)
            if in_shop <= MOST:
                by_category[""].append(item)
    result = dict(by_category)
    cache.set(KEY, result, KEPT_SECONDS)
    return result


def _tastes(customer_ids: Sequence[int]) -> tuple[dict[int, str], dict[int, set[str]]]:
    """Return the category that each customer buys most, and the SKUs that they have bought."""
    favourite: dict[int, str] = {}
    bought: dict[int, set[str]] = defaultdict(set)
    with connection.cursor() as cursor:
        cursor.execute(
            f"""SELECT o.customer_id, p.category, array_agg(DISTINCT p.sku), sum({line_units("l")})
               FROM crm_order o JOIN crm_orderline l ON l.order_id = o.id AND l.kind = 'product'
               JOIN crm_product p ON p.id = l.product_id
               WHERE o.customer_id = ANY(%s) AND {order_counts("o")} AND {line_counts("l")}
               GROUP BY 1, 2 ORDER BY 1, 4 DESC, 2""",  # noqa: S608 - fragments of crm.orders; values are parameters
            [list(customer_ids)],
        )
        for customer, category, skus, _units in cursor.fetchall():
            bought[customer].update(skus)
            if category:
                favourite.setdefault(customer, category)
    return favourite, bought
