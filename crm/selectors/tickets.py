"""The desk: whose turn it is, in which order, and what one ticket shows."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Q, QuerySet
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from core.models import User
from core.paging import Page
from crm.models import Ticket, TicketMessage, TicketRating, TicketStatus

PAGE = 50
UNRESOLVED = Q(status__in=[TicketStatus.OPEN, TicketStatus.PENDING])


@dataclass(frozen=True)
class View:
    """`wanted(user)` narrows the tickets. A queue starts with what is urgent and has waited longest, an archive with the newest."""

    label: str | Promise
    wanted: Callable[[User], Q]
    queue: bool = True


VIEWS: dict[str, View] = {
    "mine": View(_("Mine"), lambda user: UNRESOLVED & Q(assignee=user)),
    "unassigned": View(_("Unassigned"), lambda user: UNRESOLVED & Q(assignee=None)),
    "answer": View(_("To be answered"), lambda user: Q(status=TicketStatus.OPEN)),
    "open": View(_("All open"), lambda user: UNRESOLVED),
    "waiting": View(_("Waiting for customer"), lambda user: Q(status=TicketStatus.PENDING)),
    "resolved": View(
        _("Resolved"), lambda user: Q(status__in=[TicketStatus.RESOLVED, TicketStatus.CLOSED]), queue=False
    ),
}


def counts(user: User) -> dict[str, int]:
    """How many tickets each queue holds."""
    return Ticket.objects.unresolved().aggregate(
        **{name: Count("pk", filter=view.wanted(user)) for name, view in VIEWS.items() if view.queue}
    )


def page(name: str, user: User, cursor: str | None, size: int = PAGE) -> Page[Ticket]:
    """One page of a view. Keyset over (priority down, last activity up), which `core.paging` does not mix."""
    view = VIEWS[name]
    tickets = _rows().filter(view.wanted(user))
    after = _decode(cursor)
    if view.queue:
        order = ["-priority", "updated_at", "pk"]
        if after:
            priority, at, pk = after
            later = Q(updated_at__gt=at) | Q(updated_at=at, pk__gt=pk)
            tickets = tickets.filter(Q(priority__lt=priority) | Q(priority=priority) & later)
    else:
        order = ["-updated_at", "-pk"]
        if after:
            _priority, at, pk = after
            tickets = tickets.filter(Q(updated_at__lt=at) | Q(updated_at=at, pk__lt=pk))
    rows = list(tickets.order_by(*order)[: size + 1])
    return Page(rows[:size], _encode(rows[size - 1]) if len(rows) > size else None)


def _rows() -> QuerySet[Ticket]:
    return Ticket.objects.select_related("customer", "assignee")


def _encode(ticket: Ticket) -> str:
    text = json.dumps([ticket.priority, ticket.updated_at.isoformat(), ticket.pk])
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _decode(cursor: str | None) -> tuple[int, datetime, int] | None:
    """None when there is no cursor or it is damaged."""
    if not cursor:
        return None
    try:
        priority, at, pk = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        moment = datetime.fromisoformat(at)
        return (int(priority), moment, int(pk)) if moment.tzinfo else None
    except (ValueError, TypeError, binascii.Error):
        return None


def ticket(number: str) -> Ticket | None:
    return Ticket.objects.select_related("customer", "assignee", "order").filter(number=number).first()


def messages(ticket: Ticket) -> list[TicketMessage]:
    return list(ticket.messages.select_related("author").order_by("created_at", "pk"))


def ratings(ticket: Ticket) -> list[TicketRating]:
    return list(ticket.ratings.order_by("resolution"))


def is_rated(ticket: Ticket, resolution: int) -> bool:
    return TicketRating.objects.filter(ticket=ticket, resolution=resolution).exists()


def assignees() -> QuerySet[User]:
    """Staff who may answer tickets."""
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
