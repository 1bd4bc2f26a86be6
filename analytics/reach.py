"""Registry of channels that can reach a customer. An upper app registers them; analytics stores them per customer.

    REACH.register("email", Reach(_("E-mail"), SQL))

The condition says whether a marketing message may go to `who`, by lasting facts: consent, suppression, address. Quiet
hours and frequency caps are temporary and left out. `who` has customer_id and three lists, each of which may be NULL:
the channels with marketing consent (`agreed`) and without (`refused`), and the kinds of `addresses`. An event that
changes these facts must mark the customer as changed.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.functional import Promise

from analytics.services.people import People
from core.registry import Registry


@dataclass(frozen=True)
class Reach:
    label: str | Promise
    condition: str


REACH: Registry[Reach] = Registry("way to reach a customer")


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
                         FROM {people.rows("crm_identity", "customer_id, kind")} AS identities GROUP BY customer_id) AS known USING (customer_id)) AS who"""
