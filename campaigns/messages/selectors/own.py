"""Build the SQL for the messages of one customer, of any campaign, for use after FROM."""

from __future__ import annotations


def messages_of(who: str) -> str:
    """Return a subquery for the messages of the customer_id of `who`, looked up by it.

    For a campaign that began after the last ANALYZE, the planner assumes no messages and would read all of them for
    each customer. OFFSET 0 prevents that.
    """
    return f"(SELECT * FROM campaigns_message WHERE customer_id = {who}.customer_id OFFSET 0)"  # noqa: S608 - fragments of the code; values are parameters
