"""SQL fragments that define "bought" in one place: paid orders that were not fully returned, and their remaining lines.

Every statement that reads orders or order lines uses these fragments; querysets use `Order.objects.bought()`.
"""

from __future__ import annotations


def order_counts(order: str = "o") -> str:
    """Return the condition under which an order counts as bought; `order` is its alias."""
    return f"crm_order_counts({order}.state, {order}.refunded, {order}.total)"


def acts_outside(order: str = "o") -> str:
    """Return the condition under which an order may trigger messages and journeys: it is not imported history (I3)."""
    return f"{order}.effect IN ('live', 'now')"


def earns(order: str = "o") -> str:
    """Return the condition under which an order may earn points: an import did not merely record it."""
    return f"{order}.effect <> 'remember'"


def acted_at(order: str = "o") -> str:
    """Return the time at which an order acts: its payment, or its recording if the import acts as if it were new."""
    return f"(CASE {order}.effect WHEN 'now' THEN {order}.recorded_at ELSE {order}.paid_at END)"


def line_counts(line: str = "l") -> str:
    """Return the condition under which a line counts: its order counts, and some of its quantity was not returned.

    Orders that do not count are few and have an index of their own, so excluding them is cheaper than joining the
    others.
    """
    return f"""({line}.refunded_quantity < {line}.quantity AND NOT EXISTS (
        SELECT FROM crm_order uncounted WHERE uncounted.id = {line}.order_id AND NOT {order_counts("uncounted")}))"""


def line_amount(line: str = "l") -> str:
    """Return the amount of a line less its refunds, in minor units."""
    return f"({line}.amount - {line}.refunded_amount)"


def line_units(line: str = "l") -> str:
    return f"({line}.quantity - {line}.refunded_quantity)"
