"""Who can be reached by which channel: an upper app knows, analytics keeps it with the figures of each customer.

    REACH.register("email", Reach(_("E-mail"), SQL))

The query yields customer_id, once each, of those whom a marketing message may go to by what is lasting: consent,
suppression, address. Quiet hours and caps pass and are left out. It holds the text {scope} where the condition that
limits it to some customers goes (`customer_id IN (...)`, `IS NOT NULL` or a range). What changes its facts must mark the customer changed.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.functional import Promise

from core.registry import Registry


@dataclass(frozen=True)
class Reach:
    label: str | Promise
    query: str


REACH: Registry[Reach] = Registry("way to reach a customer")


def reach_query() -> str:
    """customer_id and the names of the ways to reach them, sorted; {scope} is still to be filled in."""
    ways = " UNION ALL ".join(
        f"SELECT '{name}' COLLATE \"C\" AS way, customer_id FROM ({reach.query}) AS way_{position}"
        for position, (name, reach) in enumerate(REACH.items())
    )
    if not ways:
        return "SELECT NULL::bigint AS customer_id, NULL::varchar(20)[] AS reachable WHERE false"
    return f"SELECT customer_id, array_agg(way ORDER BY way) AS reachable FROM ({ways}) AS ways GROUP BY customer_id"
