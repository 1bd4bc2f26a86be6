"""Read data of messages: counts over a period, the message list's filters."""

from __future__ import annotations

import time
from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime

from django.core.cache import cache
from django.db.models import Count, Min, Q, QuerySet
from django.http import QueryDict

from campaigns.channels.registry import CHANNELS
from campaigns.channels.selectors import PERIODS, since
from campaigns.messages.labels import REASONS
from campaigns.messages.models import Message, MessageState
from crm.customers.models import Customer

TROUBLE = "trouble"
SLOW_SECONDS = 0.2
KEPT_SECONDS = 60


def outcomes_of(origins: dict[str, int], days: int | None = 30) -> dict[int, dict[str, int]]:
    """Return by campaign the number of messages in each state, of the last days (None: of all time)."""
    result: dict[int, dict[str, int]] = defaultdict(dict)
    rows = Message.objects.filter(origin__in=origins)
    if days is not None:
        rows = rows.filter(created_at__gte=since(days))
    for origin, state, count in rows.values_list("origin", "state").annotate(count=Count("pk")):
        result[origins[origin]][state] = count
    return result


def waiting_of(origin: str) -> int:
    """Return how many messages pausing a rule or stopping a broadcast would drop."""
    return Message.objects.filter(
        origin=origin, state__in=[MessageState.QUEUED, MessageState.HELD]
    ).count()  # fmt: skip


def messages_of(origin: str, limit: int) -> list[Message]:
    rows = Message.objects.filter(origin=origin).select_related("customer", "template")
    return list(rows.order_by("-created_at")[:limit])


@dataclass(frozen=True)
class MessageFilter:
    """Hold the message list's filters. Invalid values are ignored."""

    state: str = ""
    reason: str = ""
    origin: str = ""
    channel: str = ""
    days: str = "30"
    customer: Customer | None = None

    @classmethod
    def of(cls, query: QueryDict) -> MessageFilter:
        number = query.get("customer", "")[:20]
        customer = Customer.objects.filter(number=number).first() if number else None
        state, days = query.get("state", ""), query.get("days", "")
        return cls(
            state if state in {*MessageState.values, TROUBLE} else "",
            query.get("reason", "") if query.get("reason", "") in REASONS else "",
            query.get("campaign", "")[:40].replace("\x00", ""),
            query.get("channel", "") if query.get("channel", "") in CHANNELS.names() else "",
            # One customer has few messages: show all of them unless a period is chosen.
            days if days in PERIODS else "all" if customer else "30",
            customer,
        )

    def around(self) -> QuerySet[Message]:
        """Return the rows without the filters of state and reason, which the figures above the list count."""
        rows = Message.objects.all()
        if self.days != "all":
            rows = rows.filter(created_at__gte=since(int(self.days)))
        if self.origin:
            rows = rows.filter(origin=self.origin)
        if self.channel:
            rows = rows.filter(channel=self.channel)
        return rows.filter(customer=self.customer) if self.customer else rows

    def rows(self) -> QuerySet[Message]:
        rows = self.around()
        if self.state:
            states = [MessageState.FAILED, MessageState.UNCERTAIN] if self.state == TROUBLE else [self.state]
            rows = rows.filter(state__in=states)
        if self.reason:
            rows = rows.filter(reason=self.reason)
        return rows.select_related("customer", "template")

    def counts(self) -> dict[tuple[str, str], int]:
        """Return counts by state and reason. Slow counts are cached for a minute."""
        key = f"campaigns.counts:{self.days}:{self.origin}:{self.channel}:{self.customer and self.customer.pk}"
        cached = cache.get(key)
        if cached is not None:
            return cached
        started = time.monotonic()
        rows = self.around().values_list("state", "reason").annotate(count=Count("pk"))
        figures = {(state, reason): count for state, reason, count in rows}
        if time.monotonic() - started > SLOW_SECONDS:
            cache.set(key, figures, KEPT_SECONDS)
        return figures


@dataclass(frozen=True)
class Trouble:
    failed: int
    uncertain: int
    oldest: datetime | None


def trouble(days: int = 30) -> Trouble:
    rows = Message.objects.filter(created_at__gte=since(days), state__in=[MessageState.FAILED, MessageState.UNCERTAIN])
    row = rows.aggregate(
        failed=Count("pk", filter=Q(state=MessageState.FAILED)),
        uncertain=Count("pk", filter=Q(state=MessageState.UNCERTAIN)),
        oldest=Min("created_at"),
    )
    return Trouble(**row)


def made_lately(days: int = 7) -> tuple[int, int]:
    """Return how many messages made in the last days were sent, and how many were not."""
    row = Message.objects.filter(created_at__gte=since(days)).aggregate(
        sent=Count("pk", filter=Q(state=MessageState.SENT)),
        not_sent=Count("pk", filter=Q(state=MessageState.SUPPRESSED)),
    )
    return row["sent"], row["not_sent"]
