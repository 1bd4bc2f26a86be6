"""What "bought" means, in one place: orders that were paid and did not come back whole, and what stayed of their lines.

Every statement that reads orders or order lines takes these fragments; querysets use `Order.objects.bought()`.
"""

from __future__ import annotations


def order_counts(order: str = "o") -> str:
    """Return the condition under which an order counts; `order` is its alias."""
    return f"crm_order_counts({order}.state, {order}.refunded, {order}.total)"


def acts_outside(order: str = "o") -> str:
    """Return the condition under which an order may lead to messages and journeys: it is no history of an import (I3)."""
    return f"{order}.effect IN ('live', 'now')"


def earns(order: str = "o") -> str:
    """Return the condition under which an order may earn: an import did not only record it."""
    return f"{order}.effect <> 'remember'"


def acted_at(order: str = "o") -> str:
    """Return when an order acts: at its payment, or when it was recorded where an import was to act as if it happened now."""
    return f"(CASE {order}.effect WHEN 'now' THEN {order}.recorded_at ELSE {order}.paid_at END)"


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
