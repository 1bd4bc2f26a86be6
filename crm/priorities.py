"""Priorities that customers are entitled to. An app with a reason for one registers it in its `extensions`:

    PRIORITIES.register("tier", priority_of)

`priority_of(customer)` returns the lowest priority of this customer's new tickets (TicketPriority), or 0.
"""

from __future__ import annotations

from collections.abc import Callable

from core.registry import Registry
from crm.models import Customer

PRIORITIES: Registry[Callable[[Customer], int]] = Registry("priority of tickets")


def priority_for(customer: Customer, asked: int) -> int:
    """Return the higher of the requested priority and the one that the customer is entitled to."""
    return max([asked, *(priority_of(customer) for priority_of in PRIORITIES)])
