"""Read data of messages: counts over a period, the message list's filters."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import (
    Case,
    CharField,
    Count,
    DateTimeField,
    Exists,
    ExpressionWrapper,
    Min,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    UUIDField,
    When,
)
from django.db.models.functions import Cast, Substr
from django.http import QueryDict

from campaigns.channels.registry import CHANNELS
from campaigns.channels.selectors import PERIODS, since
from campaigns.messages.labels import REASONS
from campaigns.messages.models import Message, MessageState
from core.db.slow_results import cached_when_slow
from crm.customers.models import Consent, ConsentDecision, Customer
from crm.orders.models import Order

TROUBLE = "trouble"
SLOW_SECONDS = 0.2
KEPT_SECONDS = 60


def waiting_of(origin: str) -> int:
    """Return how many messages pausing a rule or stopping a broadcast would drop."""
    return Message.objects.filter(
        origin=origin, state__in=[MessageState.QUEUED, MessageState.HELD]
    ).count()  # fmt: skip


def messages_of(origin: str, limit: int) -> list[Message]:
    rows = Message.objects.filter(origin=origin).select_related("customer", "template")
    return list(rows.order_by("-created_at")[:limit])


# Outcomes of sent messages: by a column that has a time, by a reason, or by what the customer did afterwards.
BOUNCES = ("bounce", "undelivered")
COMPLAINT = "complaint"
OPENED, CLICKED, BOUNCED, COMPLAINED, UNSUBSCRIBED, ORDERED = (
    "opened", "clicked", "bounced", "complained", "unsubscribed", "ordered",
)  # fmt: skip
REACTIONS = (OPENED, CLICKED, ORDERED, UNSUBSCRIBED, COMPLAINED, BOUNCED)
MESSAGE_EVIDENCE = r"^message [0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"
DEFAULT_WINDOW = 7
LONGEST_WINDOW = 90


def reacted(rows: QuerySet[Message], reaction: str, window: int = DEFAULT_WINDOW) -> QuerySet[Message]:
    """Return the messages with this reaction.

    An order counts for the last message of its campaign, within `window` days.
    """
    if reaction == BOUNCED:
        return rows.filter(state=MessageState.FAILED, reason__in=BOUNCES)
    if reaction == UNSUBSCRIBED:
        return rows.filter(pk__in=_unsubscribed())
    rows = rows.filter(state=MessageState.SENT)
    if reaction == OPENED:
        return rows.filter(opened_at__isnull=False)
    if reaction == CLICKED:
        return rows.filter(clicked_at__isnull=False)
    if reaction == COMPLAINED:
        return rows.filter(reason=COMPLAINT)
    later = Message.objects.filter(
        customer=OuterRef("customer"),
        origin=OuterRef(OuterRef("origin")),
        state=MessageState.SENT,
        sent_at__gt=OuterRef(OuterRef("sent_at")),
        sent_at__lte=OuterRef("paid_at"),
    )
    until = ExpressionWrapper(OuterRef("sent_at") + timedelta(days=window), output_field=DateTimeField())
    orders = Order.objects.bought().filter(
        ~Exists(later), customer=OuterRef("customer"), paid_at__gte=OuterRef("sent_at"), paid_at__lt=until
    )
    # A subquery with a value is asked message by message. The planner would turn EXISTS into a join with all orders.
    return rows.alias(order_after=Subquery(orders.values("pk")[:1])).filter(order_after__isnull=False)


def _unsubscribed() -> QuerySet[Any]:
    """Return the ids of the messages whose link withdrew a consent.

    The few such consents have an index, but looking for the consent of each message would read all messages. An
    evidence that only looks like it gives no id, because the cast of other text would fail.
    """
    text = Case(When(evidence__regex=MESSAGE_EVIDENCE, then=Substr("evidence", 9)), output_field=CharField())
    withdrawn = Consent.objects.filter(decision=ConsentDecision.WITHDRAWN, evidence__startswith="message ")
    return withdrawn.annotate(message=Cast(text, UUIDField())).filter(message__isnull=False).values("message")


@dataclass(frozen=True)
class MessageFilter:
    """Hold the message list's filters. Invalid values are ignored. `window`: the days in which orders count."""

    state: str = ""
    reason: str = ""
    origin: str = ""
    channel: str = ""
    days: str = "30"
    customer: Customer | None = None
    reaction: str = ""
    window: int = DEFAULT_WINDOW

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
            query.get("reaction", "") if query.get("reaction", "") in REACTIONS else "",
            _window(query.get("window", "")),
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
        if self.reaction:
            rows = reacted(rows, self.reaction, self.window)
        return rows.select_related("customer", "template")

    def counts(self) -> dict[tuple[str, str], int]:
        """Return counts by state and reason. Slow counts are cached for a minute."""
        customer = self.customer and self.customer.pk
        return cached_when_slow(
            f"campaigns.counts:{self.days}:{self.origin}:{self.channel}:{customer}",
            self._counts,
            slow=SLOW_SECONDS,
            seconds=KEPT_SECONDS,
        )

    def _counts(self) -> dict[tuple[str, str], int]:
        rows = self.around().values_list("state", "reason").annotate(count=Count("pk"))
        return {(state, reason): count for state, reason, count in rows}


def _window(text: str) -> int:
    days = int(text) if text.isascii() and text.isdecimal() and len(text) < 4 else DEFAULT_WINDOW
    return days if 1 <= days <= LONGEST_WINDOW else DEFAULT_WINDOW


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


def held_count() -> int:
    """Return how many messages the gate holds now."""
    return Message.objects.filter(state=MessageState.HELD).count()


def made_lately(days: int = 7) -> tuple[int, int]:
    """Return how many messages made in the last days were sent, and how many were not."""
    row = Message.objects.filter(created_at__gte=since(days)).aggregate(
        sent=Count("pk", filter=Q(state=MessageState.SENT)),
        not_sent=Count("pk", filter=Q(state=MessageState.SUPPRESSED)),
    )
    return row["sent"], row["not_sent"]
