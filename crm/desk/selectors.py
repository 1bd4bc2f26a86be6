"""Reads of the desk: the views and their order, and the details of one ticket."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Case, Count, DateTimeField, ExpressionWrapper, F, IntegerField, Min, Q, QuerySet, Sum, When
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from core.base import clock
from core.db import paging
from core.db.paging import Page
from core.security.models import User
from crm.customers.models import Customer
from crm.desk.models import Ticket, TicketDraft, TicketMessage, TicketPriority, TicketRating, TicketStatus

PAGE = 50
RATING_DAYS = 30
UNRESOLVED = Q(status__in=[TicketStatus.OPEN, TicketStatus.PENDING])


@dataclass(frozen=True)
class View:
    """A view of the desk. `wanted(user)` narrows the tickets.

    A queue shows tickets that wait for us before those that wait for the customer. Within each, urgent tickets come
    first, then the longest waiting. Only messages that the customer sees count: a note or an assignment does not change
    the order. An archive shows the newest first.
    """

    label: str | Promise
    wanted: Callable[[User], Q]
    queue: bool = True

    @property
    def order(self) -> Sequence[str]:
        """Return the order for `paging.keyset`. "open" (waits for us) sorts before "pending" (for the customer)."""
        return ("status", "urgency", "waiting_since", "id") if self.queue else ("-updated_at", "-id")


VIEWS: dict[str, View] = {
    "mine": View(_("Mine"), lambda user: UNRESOLVED & Q(assignee=user)),
    "unassigned": View(_("Unassigned"), lambda user: UNRESOLVED & Q(assignee=None)),
    "answer": View(_("To be answered"), lambda user: Q(status=TicketStatus.OPEN)),
    "open": View(_("All open"), lambda user: UNRESOLVED),
    "waiting": View(_("Waiting for customer"), lambda user: Q(status=TicketStatus.PENDING)),
    "resolved": View(_("Resolved"), lambda user: Q(status=TicketStatus.RESOLVED), queue=False),
    "closed": View(_("Closed"), lambda user: Q(status=TicketStatus.CLOSED), queue=False),
    "all": View(_("All"), lambda user: Q(), queue=False),
}


def counts(user: User) -> dict[str, int]:
    """Count the tickets of each queue."""
    return Ticket.objects.unresolved().aggregate(
        **{name: Count("pk", filter=view.wanted(user)) for name, view in VIEWS.items() if view.queue}
    )


def page(name: str, user: User, cursor: str | None, size: int = PAGE) -> Page[Ticket]:
    """Return one page of a view."""
    view = VIEWS[name]
    return paging.keyset(listed().filter(view.wanted(user)), view.order, cursor, size)


def listed() -> QuerySet[Ticket]:
    """Return all tickets for lists. `urgency` falls as the priority rises, because a keyset has one direction."""
    urgency = ExpressionWrapper(0 - F("priority"), IntegerField())
    return Ticket.objects.select_related("customer", "assignee").annotate(urgency=urgency)


def tickets_of(customer: Customer) -> QuerySet[Ticket]:
    """Return all tickets of a customer: first those that wait for us, then those that wait for the customer.

    Urgent ones come first, then the longest waiting; resolved and closed tickets follow, newest first.
    """
    rank = Case(
        When(status=TicketStatus.OPEN, then=0),
        When(status=TicketStatus.PENDING, then=1),
        default=2,
        output_field=IntegerField(),
    )
    open_priority = Case(When(UNRESOLVED, then=F("priority")), default=0, output_field=IntegerField())
    open_since = Case(When(UNRESOLVED, then=F("waiting_since")), default=None, output_field=DateTimeField())
    tickets = Ticket.objects.filter(customer=customer).select_related("customer", "assignee")
    return tickets.order_by(rank, open_priority.desc(), open_since.asc(nulls_last=True), "-updated_at", "-pk")


def ticket(number: str) -> Ticket | None:
    return Ticket.objects.select_related("customer", "assignee", "order").filter(number=number).first()


def messages(ticket: Ticket) -> list[TicketMessage]:
    return list(ticket.messages.select_related("author").order_by("created_at", "pk"))


def draft(ticket: Ticket, user: User) -> TicketDraft | None:
    """Return the unsent text of this person in the ticket."""
    return TicketDraft.objects.filter(ticket=ticket, user=user).first()


def drafted(tickets: Iterable[Ticket], user: User) -> set[int]:
    """Return the ids of the tickets in which the person has a draft."""
    rows = TicketDraft.objects.filter(user=user, ticket__in=[ticket.pk for ticket in tickets])
    return set(rows.values_list("ticket", flat=True))


def ratings(ticket: Ticket) -> list[TicketRating]:
    return list(ticket.ratings.order_by("resolution"))


def is_rated(ticket: Ticket, resolution: int) -> bool:
    return TicketRating.objects.filter(ticket=ticket, resolution=resolution).exists()


def assignees() -> QuerySet[User]:
    """Return the staff who may answer tickets."""
    return (
        User.objects.filter(is_active=True)
        .filter(
            Q(is_superuser=True)
            | Q(groups__permissions__codename="change_ticket", groups__permissions__content_type__app_label="crm")
            | Q(user_permissions__codename="change_ticket", user_permissions__content_type__app_label="crm")
        )
        .distinct()
        .order_by("first_name", "username")
    )


@dataclass(frozen=True)
class QueueAge:
    """Hold one view of the desk: its tickets, those of high priority, and since when the oldest of them waits."""

    count: int
    urgent: int
    oldest: datetime | None


def ages(user: User) -> dict[str, QueueAge]:
    """Return the queues of the desk with their ages, with one query over the unresolved tickets."""
    figures: dict[str, Any] = {}
    for name, view in VIEWS.items():
        if view.queue:
            wanted = view.wanted(user)
            figures[f"{name}_count"] = Count("pk", filter=wanted)
            figures[f"{name}_urgent"] = Count("pk", filter=wanted & Q(priority__gte=TicketPriority.HIGH))
            figures[f"{name}_oldest"] = Min("waiting_since", filter=wanted)
    row = Ticket.objects.unresolved().aggregate(**figures)
    return {
        name: QueueAge(row[f"{name}_count"], row[f"{name}_urgent"], row[f"{name}_oldest"])
        for name, view in VIEWS.items()
        if view.queue
    }


def waiting_for(user: User, limit: int) -> list[Ticket]:
    """Return the open tickets of this person that wait for an answer, urgent and oldest first."""
    rows = listed().filter(status=TicketStatus.OPEN, assignee=user)
    return list(rows.order_by("-priority", "waiting_since", "pk")[:limit])


def ratings_by_agent(days: int = RATING_DAYS) -> list[dict[str, Any]]:
    """Return the ratings of the last days by the ticket's agent, in a form that can be kept. `low`: scores 1 and 2."""
    rows = (
        TicketRating.objects.filter(answered_at__gte=clock.now() - timedelta(days=days), ticket__assignee__isnull=False)
        .values_list("ticket__assignee")
        .annotate(count=Count("pk"), total=Sum("score"), low=Count("pk", filter=Q(score__lte=2)))
        .order_by("-count", "ticket__assignee")
    )
    found = list(rows)
    names = {user.pk: str(user) for user in User.objects.filter(pk__in=[agent for agent, *_counts in found])}
    return [
        {"agent": agent, "name": names.get(agent, ""), "count": count, "total": total, "low": low}
        for agent, count, total, low in found
    ]
