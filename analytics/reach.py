"""Who can be reached by which channel: an upper app knows, analytics keeps it with the figures of each customer.

    REACH.register("email", Reach(_("E-mail"), SQL))

The condition says whether a marketing message may go to `who` by what is lasting: consent, suppression, address. Quiet
hours and caps pass and are left out. Of `who` it knows customer_id, the channels that they have `agreed` to and `refused` for
marketing, and the kinds of `addresses` they have, each a list or NULL. What changes its facts must mark the customer changed.
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
    """customer_id and the names of the ways to reach them, sorted; beside a table `people` of their customer_id."""
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
