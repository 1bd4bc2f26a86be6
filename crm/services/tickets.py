"""Tickets: open, answer, assign, resolve, and the customer's word on how it went."""

from __future__ import annotations

from datetime import timedelta

from django.core import signing
from django.db import transaction
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from core.actor import Actor
from core.errors import Conflict, Invalid
from core.events import emit
from core.locks import lock_row
from crm import events
from crm.models import (
    Customer,
    MessageAuthor,
    Order,
    Ticket,
    TicketMessage,
    TicketOrigin,
    TicketPriority,
    TicketRating,
    TicketStatus,
)
from crm.priorities import priority_for
from crm.services.customers import require_active

RATING_SALT = "crm.ticket-rating"
RATING_LIFE = timedelta(days=30)


def open_ticket(
    *,
    customer: Customer,
    subject: str,
    text: str,
    actor: Actor,
    origin: str = TicketOrigin.STAFF,
    origin_ref: str = "",
    priority: int = TicketPriority.NORMAL,
    order: Order | None = None,
    assignee=None,
    from_customer: bool = True,
    internal: bool = False,
) -> Ticket:
    """Open a ticket with its first message. The priority is at least the one that the customer is entitled to.

    An `internal` one is a task for staff: the customer sees neither it nor its messages.

    Raises Invalid when a text is missing or the order is someone else's, Conflict `customer_not_active`.
    """
    subject, text = subject.strip(), text.strip()
    if not subject or len(subject) > 200:
        raise Invalid(_("A subject has 1 to 200 characters."), code="invalid", field="subject")
    _check_text(text)
    if priority not in TicketPriority.values:
        raise Invalid(_("Not one of the choices."), code="invalid_choice", field="priority")
    if order is not None and order.customer_id != customer.pk:
        raise Invalid(_("This order belongs to another customer."), code="wrong_customer", field="order")
    with transaction.atomic():
        require_active(customer.pk)
        ticket = Ticket.objects.create(
            customer=customer,
            subject=subject,
            origin=origin,
            origin_ref=origin_ref,
            priority=priority_for(customer, priority),
            order=order,
            assignee=assignee,
            internal=internal,
        )
        ticket.refresh_from_db()
        TicketMessage.objects.create(
            ticket=ticket,
            author_kind=MessageAuthor.CUSTOMER if from_customer else MessageAuthor.STAFF,
            author_id=None if from_customer else actor.user_id,
            text=text,
            internal=internal,
        )
        emit(
            events.TICKET_OPENED,
            subject_id=customer.pk,
            payload={"ticket": ticket.pk, "number": ticket.number, "subject": subject, "origin": origin},
            actor=actor,
        )
    return ticket


def reply_to_ticket(
    *, ticket: Ticket, text: str, actor: Actor, internal: bool = False, from_customer: bool = False
) -> TicketMessage:
    """Add a public reply or an internal note. A customer's reply opens a resolved ticket again; a closed one refuses.

    A public reply by staff leaves the ticket waiting for the customer. In an internal ticket every reply is a note.
    """
    _check_text(text.strip())
    with transaction.atomic():
        locked = lock_row(Ticket.objects.filter(pk=ticket.pk))
        internal = internal or locked.internal
        if from_customer:
            require_active(locked.customer_id)
        if locked.status == TicketStatus.CLOSED and not internal:
            raise Conflict(_("This ticket is closed. Open a new one."), code="ticket_closed")
        message = TicketMessage.objects.create(
            ticket=locked,
            author_kind=MessageAuthor.CUSTOMER if from_customer else MessageAuthor.STAFF,
            author_id=None if from_customer else actor.user_id,
            text=text.strip(),
            internal=internal,
        )
        if from_customer:
            locked.status = TicketStatus.OPEN
        elif not internal and locked.status == TicketStatus.OPEN:
            locked.status = TicketStatus.PENDING
        _touch(locked, "status")
        if not internal:
            emit(
                events.TICKET_REPLIED,
                subject_id=locked.customer_id,
                payload={
                    "ticket": locked.pk,
                    "number": locked.number,
                    "message": message.pk,
                    "by": "customer" if from_customer else "staff",
                },
                actor=actor,
            )
    return message


def assign_ticket(*, ticket: Ticket, assignee, actor: Actor) -> Ticket:
    with transaction.atomic():
        locked = lock_row(Ticket.objects.filter(pk=ticket.pk))
        locked.assignee = assignee
        _touch(locked, "assignee")
    return locked


def prioritise_ticket(*, ticket: Ticket, priority: int, actor: Actor) -> Ticket:
    if priority not in TicketPriority.values:
        raise Invalid(_("Not one of the choices."), code="invalid_choice", field="priority")
    with transaction.atomic():
        locked = lock_row(Ticket.objects.filter(pk=ticket.pk))
        locked.priority = priority
        _touch(locked, "priority")
    return locked


def resolve_ticket(*, ticket: Ticket, actor: Actor) -> Ticket:
    """Mark it resolved, and emit what the satisfaction question is sent from: its token answers this resolution once."""
    with transaction.atomic():
        locked = lock_row(Ticket.objects.filter(pk=ticket.pk))
        if locked.status in {TicketStatus.RESOLVED, TicketStatus.CLOSED}:
            return locked
        locked.status = TicketStatus.RESOLVED
        locked.resolved_at = Now()  # type: ignore[assignment]
        locked.resolution_count += 1
        _touch(locked, "status", "resolved_at", "resolution_count")
        locked.refresh_from_db()
        emit(
            events.TICKET_RESOLVED,
            subject_id=locked.customer_id,
            payload={"ticket": locked.pk, "number": locked.number, "resolution": locked.resolution_count},
            actor=actor,
        )
    return locked


def close_ticket(*, ticket: Ticket, actor: Actor) -> Ticket:
    with transaction.atomic():
        locked = lock_row(Ticket.objects.filter(pk=ticket.pk))
        locked.status = TicketStatus.CLOSED
        _touch(locked, "status")
    return locked


def rating_token(ticket: Ticket) -> str:
    """Goes into the signed link that is sent after a resolution."""
    return signing.dumps([ticket.pk, ticket.resolution_count], salt=RATING_SALT)


def read_rating_token(token: str) -> tuple[Ticket, int]:
    """The ticket and resolution that a link is for. Raises Invalid when it is forged or older than 30 days."""
    try:
        ticket_id, resolution = signing.loads(token, salt=RATING_SALT, max_age=RATING_LIFE)
    except signing.SignatureExpired:
        raise Invalid(_("This link has expired."), code="link_expired") from None
    except signing.BadSignature:
        raise Invalid(_("This link is not valid."), code="link_invalid") from None
    ticket = Ticket.objects.select_related("customer").filter(pk=ticket_id).first()
    if ticket is None:
        raise Invalid(_("This link is not valid."), code="link_invalid")
    return ticket, resolution


def rate_ticket(*, token: str, score: int, comment: str = "", actor: Actor) -> TicketRating:
    """Record the answer to a signed link, once per resolution (D2). Raises Conflict `already_rated`."""
    ticket, resolution = read_rating_token(token)
    if not 1 <= score <= 5:
        raise Invalid(_("Choose from 1 to 5."), code="invalid", field="score")
    with transaction.atomic():
        lock_row(Ticket.objects.filter(pk=ticket.pk))
        rating, created = TicketRating.objects.get_or_create(
            ticket=ticket, resolution=resolution, defaults={"score": score, "comment": comment.strip()[:2000]}
        )
        if not created:
            raise Conflict(_("You have answered already. Thank you!"), code="already_rated")
        emit(
            events.TICKET_RATED,
            subject_id=ticket.customer_id,
            payload={"ticket": ticket.pk, "number": ticket.number, "score": score},
            actor=actor,
        )
    return rating


def _check_text(text: str) -> None:
    if not text or len(text) > 10000 or "\x00" in text:
        raise Invalid(_("A message has 1 to 10,000 characters."), code="invalid", field="text")


def _touch(ticket: Ticket, *fields: str) -> None:
    ticket.updated_at = Now()  # type: ignore[assignment]
    ticket.save(update_fields=[*fields, "updated_at"])
    ticket.refresh_from_db()
