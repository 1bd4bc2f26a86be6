"""Reach of customers: which channels may carry a marketing message to them."""

from __future__ import annotations

from analytics.features.registry import REACH
from analytics.features.services.people import People


def reach_query(people: People) -> str:
    """Return SQL that yields customer_id and the sorted names of the channels that reach the customer.

    It needs a table `people` with customer_id.
    """
    consents = people.rows("crm_consentstate", "customer_id, channel, granted", "purpose = 'marketing'")
    ways = ", ".join(f"CASE WHEN {reach.condition} THEN '{name}' END" for name, reach in sorted(REACH.items()))
    return f"""
        SELECT who.customer_id, array_remove(ARRAY[{ways}]::varchar(20)[], NULL) AS reachable
        FROM (SELECT customer_id, agreed, refused, addresses FROM people
              LEFT JOIN (SELECT customer_id, array_agg(channel) FILTER (WHERE granted) AS agreed,
                                array_agg(channel) FILTER (WHERE NOT granted) AS refused
                         FROM {consents} AS given GROUP BY customer_id) AS consents
                        USING (customer_id)
              LEFT JOIN (SELECT customer_id, array_agg(kind) AS addresses
                         FROM {people.rows("crm_identity", "customer_id, kind")} AS identities
                         GROUP BY customer_id) AS known USING (customer_id)) AS who"""  # noqa: S608 - fragments of the channel registry
