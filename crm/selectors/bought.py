"""What "bought" means, in one place: orders that were paid and did not come back whole, and what stayed of their lines.

Every statement that reads orders or order lines takes these fragments; querysets use `Order.objects.bought()`.
"""

from __future__ import annotations


def order_counts(order: str = "o") -> str:
    """Return the condition under which an order counts; `order` is its alias."""
    return f"crm_order_counts({order}.state, {order}.refunded, {order}.total)"


def line_counts(line: str = "l") -> str:
    """Return the condition under which a line counts: its order does, and some of it stayed.

    Orders that don't count are few and have an index of their own, so leaving them out costs less than joining the others.
    """
    return f"""({line}.refunded_quantity < {line}.quantity AND NOT EXISTS (
        SELECT FROM crm_order uncounted WHERE uncounted.id = {line}.order_id AND NOT {order_counts("uncounted")}))"""


def line_amount(line: str = "l") -> str:
    """Return what a line came to, less what was given back for it, in minor units."""
    return f"({line}.amount - {line}.refunded_amount)"


def line_units(line: str = "l") -> str:
    return f"({line}.quantity - {line}.refunded_quantity)"
