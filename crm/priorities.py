"""Who is served first: an app that knows why registers it in its `extensions`.

    PRIORITIES.register("tier", priority_of)

`priority_of(customer)` is the least priority that a new ticket of this customer gets (TicketPriority), or 0.
"""

from __future__ import annotations

from collections.abc import Callable

from core.registry import Registry
from crm.models import Customer

PRIORITIES: Registry[Callable[[Customer], int]] = Registry("priority of tickets")


def priority_for(customer: Customer, asked: int) -> int:
    """The higher of what was asked for and what the customer is entitled to."""
    return max([asked, *(priority_of(customer) for priority_of in PRIORITIES)])
