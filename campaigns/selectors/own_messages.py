"""The messages of one customer, whatever the campaign, to stand behind FROM."""

from __future__ import annotations


def messages_of(who: str) -> str:
    """Those of the customer_id of `who`, looked up by it.

    Of a campaign that began after the last ANALYZE the planner believes that it has no messages, and would read all of
    them for each customer. OFFSET 0 keeps it from that.
    """
    return f"(SELECT * FROM campaigns_message WHERE customer_id = {who}.customer_id OFFSET 0)"
