"""The lists of the desk: tickets, and the ratings that customers gave."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db.models import Q, QuerySet, Value
from django.db.models.functions import Coalesce
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext, pgettext_lazy

from core.base import clock
from core.base.actor import of_user
from core.base.errors import Invalid
from core.console.list_columns import Cell
from core.console.template_tags import PRIORITY_TONES, TONE_OF
from core.console.views import may, viewer
from core.lists.declaration import BulkAction, Choices, Column, Empty, Filter, ObjectList, State, TopAction, register
from core.lists.services import each
from core.security.models import User
from core.text.formatting import number, when
from crm.customers.models import Customer
from crm.desk import selectors, services
from crm.desk.models import Ticket, TicketPriority, TicketRating, TicketStatus

ME, NO_ONE = "me", "none"
HIGH = "high"
LOW_SCORE = 2


@dataclass(frozen=True)
class TicketRow:
    """A row of the list. `view` is the view of the desk that the ticket's page shows beside it."""

    item: Ticket
    view: str
    drafted: bool


def view_of(request: HttpRequest) -> str:
    """Return the view of the desk that the list shows: the first of this person's tabs without a parameter."""
    name = request.GET.get("state", "")
    return name if name in selectors.VIEWS else _first_view(request)


def _first_view(request: HttpRequest) -> str:
    return "mine" if may(request.user, "crm.change_ticket") else "open"


def address(view: str) -> str:
    """Return the address of the list that shows this view."""
    return f"{reverse('tickets')}?state={view}"


def _states(request: HttpRequest) -> list[State]:
    """Return the views of the desk as tabs. Those who answer no tickets have none of their own."""
    user, first = viewer(request), _first_view(request)
    names = [first, *(name for name in selectors.VIEWS if name not in {first, "mine"})]
    return [
        State(
            "" if name == first else name,
            view.label,
            lambda view=view: view.wanted(user),  # type: ignore[misc]
            order=view.order,
            counted=view.queue,
        )
        for name in names
        for view in [selectors.VIEWS[name]]
    ]


def _rows(request: HttpRequest, tickets: Sequence[Ticket]) -> list[TicketRow]:
    view, drafted = view_of(request), selectors.drafted(tickets, viewer(request))
    return [TicketRow(ticket, view, ticket.pk in drafted) for ticket in tickets]


def _subject(row: TicketRow) -> Cell:
    return Cell(
        row.item.subject,
        f"{row.item.number} · {row.item.get_origin_display()}",
        url=f"{reverse('ticket', args=[row.item.number])}?view={row.view}",
        badge=_("Draft") if row.drafted else "",
        tone="warn" if row.drafted else "",
    )


def _waiting(row: TicketRow) -> Cell:
    over = row.item.status in {TicketStatus.RESOLVED, TicketStatus.CLOSED}
    return Cell(at=None if over else row.item.waiting_since)


def _customer(customer: Customer) -> Cell:
    return Cell(customer.name or customer.number, url=reverse("customer", args=[customer.number]))


def _people(_request: HttpRequest) -> list[tuple[str, Any]]:
    return [(ME, _("Me")), (NO_ONE, _("unassigned")), *((str(user.pk), str(user)) for user in selectors.assignees())]


def _assigned_to(request: HttpRequest, tickets: QuerySet[Ticket], value: str) -> QuerySet[Ticket]:
    if value == ME:
        return tickets.filter(assignee=viewer(request))
    if value == NO_ONE:
        return tickets.filter(assignee=None)
    return tickets.filter(assignee=int(value[:18])) if value.isascii() and value.isdigit() else tickets


def _levels(_request: HttpRequest) -> Choices:
    return [(str(value), label) for value, label in TicketPriority.choices]


def _priorities(request: HttpRequest) -> Choices:
    return [(HIGH, _("High or urgent")), *_levels(request)]


def _with_priority(_request: HttpRequest, tickets: QuerySet[Ticket], value: str) -> QuerySet[Ticket]:
    if value == HIGH:
        return tickets.filter(priority__gte=TicketPriority.HIGH)
    known = {str(priority) for priority in TicketPriority.values}
    return tickets.filter(priority=int(value)) if value in known else tickets


def customer_of(request: HttpRequest) -> Customer | None:
    """Return the customer whose tickets the address asks for."""
    chosen = request.GET.get("customer", "")[:20].replace("\x00", "")
    return Customer.objects.filter(number=chosen).first() if chosen else None


def _customers(request: HttpRequest) -> Choices:
    """Offer only the customer whose tickets are shown."""
    customer = customer_of(request)
    return [(customer.number, str(customer))] if customer else []


def _of_customer(_request: HttpRequest, tickets: QuerySet[Any], value: str) -> QuerySet[Any]:
    return tickets.filter(customer__number=value.replace("\x00", ""))


def _assign(request: HttpRequest, tickets: QuerySet[Ticket]) -> str:
    assignee = _assignee(request)
    count = each(
        objects=list(tickets),
        service=lambda ticket, actor: services.assign_ticket(ticket=ticket, assignee=assignee, actor=actor),
        actor=of_user(request.user),
    )
    if assignee is None:
        text = ngettext("%(count)s ticket has no assignee now.", "%(count)s tickets have no assignee now.", count)
    else:
        text = ngettext(
            "%(count)s ticket is assigned to %(name)s.", "%(count)s tickets are assigned to %(name)s.", count
        )
    return text % {"count": number(count), "name": assignee}


def _assignee(request: HttpRequest) -> User | None:
    """Return the chosen person, or None for no one. Raises Invalid when they may not answer tickets."""
    chosen = request.POST.get("assign", "")
    if chosen == NO_ONE:
        return None
    if chosen == ME:
        chosen = str(viewer(request).pk)
    people = selectors.assignees()
    person = people.filter(pk=int(chosen[:18])).first() if chosen.isascii() and chosen.isdigit() else None
    if person is None:
        raise Invalid(_("Choose a person who answers tickets."), code="invalid_choice", field="assign")
    return person


def _prioritise(request: HttpRequest, tickets: QuerySet[Ticket]) -> str:
    chosen = request.POST.get("priority", "")
    # The service refuses 0 like any other wrong value.
    priority = int(chosen) if chosen in {str(value) for value in TicketPriority.values} else 0
    count = each(
        objects=list(tickets),
        service=lambda ticket, actor: services.prioritise_ticket(ticket=ticket, priority=priority, actor=actor),
        actor=of_user(request.user),
    )
    text = ngettext(
        "The priority of %(count)s ticket is changed.", "The priority of %(count)s tickets is changed.", count
    )
    return text % {"count": number(count)}


def _resolve(request: HttpRequest, tickets: QuerySet[Ticket]) -> str:
    count = each(
        objects=list(tickets),
        service=lambda ticket, actor: services.resolve_ticket(ticket=ticket, actor=actor),
        actor=of_user(request.user),
    )
    text = ngettext("%(count)s ticket is resolved.", "%(count)s tickets are resolved.", count)
    return text % {"count": number(count)}


def _close(request: HttpRequest, tickets: QuerySet[Ticket]) -> str:
    count = each(
        objects=list(tickets),
        service=lambda ticket, actor: services.close_ticket(ticket=ticket, actor=actor),
        actor=of_user(request.user),
    )
    text = ngettext("%(count)s ticket is closed.", "%(count)s tickets are closed.", count)
    return text % {"count": number(count)}


def _bulk(request: HttpRequest) -> list[BulkAction]:
    unresolved = ("", *(name for name, view in selectors.VIEWS.items() if view.queue))
    return [
        BulkAction(
            "assign", _("Assign"), "user-check", _assign, "crm.change_ticket", entry="choice",
            entry_label=_("Assign to"), choices=_people, key="a",
        ),
        BulkAction(
            "priority", _("Change priority"), "flag", _prioritise, "crm.change_ticket", entry="choice",
            entry_label=_("Priority"), choices=_levels,
        ),
        BulkAction(
            "resolve", _("Resolve"), "check", _resolve, "crm.change_ticket", states=unresolved,
            confirm=_("Each customer is asked to rate the answer. Resolve the chosen tickets?"),
        ),
        BulkAction(
            "close", _("Close"), "lock", _close, "crm.change_ticket", states=[*unresolved, "resolved", "all"],
            confirm=_("A closed ticket accepts no more replies, neither from the customer nor from staff."),
        ),
    ]  # fmt: skip


TICKETS = register(
    ObjectList(
        name="tickets",
        title=_("Desk"),
        route="tickets",
        model=Ticket,
        permission="crm.view_ticket",
        add="crm.add_ticket",
        export="crm.export_customer",
        select=lambda _request: selectors.listed(),
        rows=_rows,
        item=lambda row: row.item,
        opens=lambda ticket: reverse("ticket", args=[ticket.number]),
        columns=[
            Column("subject", _("Ticket"), _subject, lambda row: row.item.subject),
            Column("number", _("Number"), lambda row: row.item.number, shown=False),
            Column(
                "customer",
                _("Customer"),
                lambda row: _customer(row.item.customer),
                sort="customer__name",
                on_cards=False,
            ),
            Column(
                "state",
                _("State"),
                lambda row: Cell(row.item.get_status_display(), badge=TONE_OF.get(row.item.status, "off")),
                on_cards=False,
            ),
            Column(
                "priority",
                _("Priority"),
                lambda row: Cell(row.item.get_priority_display(), badge=PRIORITY_TONES[row.item.priority]),
                sort="priority",
                on_cards=False,
            ),
            Column(
                "assignee",
                _("Assigned to"),
                lambda row: str(row.item.assignee or ""),
                sort=Coalesce("assignee__username", Value("")),
            ),
            Column("waiting", _("Waiting since"), _waiting, sort="waiting_since"),
            Column(
                "opened", pgettext_lazy("ticket", "Opened"), lambda row: Cell(at=row.item.created_at), sort="created_at"
            ),
            Column("activity", _("Last activity"), lambda row: Cell(at=row.item.updated_at), sort="updated_at"),
        ],
        states=_states,
        search=("number", "subject", "customer__name", "customer__number"),
        placeholder=_("Number, subject or customer"),
        filters=[
            Filter("assignee", _("Assigned to"), _people, _assigned_to),
            Filter("priority", _("Priority"), _priorities, _with_priority),
            Filter("customer", _("Customer"), _customers, _of_customer, quiet=True),
        ],
        bulk_actions=_bulk,
        top_actions=[TopAction(_("New ticket"), "plus", lambda: reverse("ticket_new"), "crm.add_ticket")],
        template="crm/desk/index.html",
        empty=Empty(
            "mood-happy",
            _("Nothing waits for you"),
            _("Tickets come from the storefront, from replies to messages, and from the customer page."),
            filtered=_("No tickets here"),
        ),
    )
)  # fmt: skip


def _score(rating: TicketRating) -> Cell:
    tone = "bad" if rating.score <= LOW_SCORE else ""
    return Cell(_t("%(score)s of 5") % {"score": rating.score}, tone=tone)  # type: ignore[arg-type]


def _agents(_request: HttpRequest) -> Choices:
    rated = Ticket.objects.filter(ratings__isnull=False, assignee__isnull=False)
    people = User.objects.filter(pk__in=rated.order_by().values("assignee")).order_by("username")
    return [(str(person.pk), str(person)) for person in people]


def _of_agent(_request: HttpRequest, ratings: QuerySet[TicketRating], value: str) -> QuerySet[TicketRating]:
    return ratings.filter(ticket__assignee=int(value[:18])) if value.isascii() and value.isdigit() else ratings


def _periods(_request: HttpRequest) -> Choices:
    return [
        (str(days), ngettext("Last %(days)s day", "Last %(days)s days", days) % {"days": days})
        for days in (7, selectors.RATING_DAYS, 90)
    ]


def _answered_since(request: HttpRequest, ratings: QuerySet[TicketRating], value: str) -> QuerySet[TicketRating]:
    if value not in {code for code, _label in _periods(request)}:
        return ratings
    return ratings.filter(answered_at__gte=clock.now() - timedelta(days=int(value)))


RATINGS = register(
    ObjectList(
        name="ratings",
        title=_("Ratings"),
        route="ticket_ratings",
        model=TicketRating,
        permission="crm.view_ticket",
        export="crm.export_customer",
        select=lambda _request: TicketRating.objects.select_related("ticket__customer", "ticket__assignee"),
        opens=lambda rating: reverse("ticket", args=[rating.ticket.number]),
        order=("-answered_at", "-id"),
        columns=[
            Column(
                "ticket",
                _("Ticket"),
                lambda row: Cell(row.ticket.subject, row.ticket.number),
                lambda row: row.ticket.number,
            ),
            Column("customer", _("Customer"), lambda row: _customer(row.ticket.customer), on_cards=False),
            Column("agent", _("Agent"), lambda row: str(row.ticket.assignee or "")),
            Column("score", _("Score"), _score, lambda row: row.score, sort="score", number=True),
            Column("comment", _("Comment"), lambda row: row.comment),
            Column(
                "answered", _("Answered"), lambda row: Cell(at=row.answered_at),
                lambda row: when(row.answered_at), sort="answered_at",
            ),
        ],
        states=[
            State("", _("All")),
            State("low", _("1 or 2"), lambda: Q(score__lte=LOW_SCORE)),
            State("high", _("3 to 5"), lambda: Q(score__gt=LOW_SCORE)),
        ],
        search=("comment", "ticket__number", "ticket__subject"),
        placeholder=_("Comment, ticket number or subject"),
        filters=[
            Filter("agent", _("Agent"), _agents, _of_agent),
            Filter("days", _("Period"), _periods, _answered_since),
        ],
        empty=Empty(
            "star",
            _("No ratings yet"),
            _("Customers rate an answer after their ticket is resolved."),
        ),
    )
)  # fmt: skip
