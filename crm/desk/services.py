"""Tickets: open, answer, assign, resolve, and record the customer's satisfaction."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.core import signing
from django.db import transaction
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from core.base.actor import Actor
from core.base.errors import Conflict, Invalid
from core.db.locks import lock_first, lock_row, require_transaction
from core.events.bus import emit
from core.security.models import User
from crm.customers.models import Customer
from crm.customers.services.customers import require_active
from crm.desk import events
from crm.desk.models import (
    MessageAuthor,
    ReplyDelivery,
    Ticket,
    TicketDraft,
    TicketMessage,
    TicketOrigin,
    TicketPriority,
    TicketRating,
    TicketStatus,
)
from crm.desk.registry import priority_for
from crm.orders.models import Order

LONGEST = 10_000
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
    assignee: User | None = None,
    from_customer: bool = True,
    internal: bool = False,
) -> Ticket:
    """Open a ticket with its first message. The priority is at least the one that the customer is entitled to.

    A message from staff is sent to the customer, and the ticket then waits for the customer. An `internal` ticket is a
    task for staff: the customer sees neither the ticket nor its messages.

    Raises Invalid when a text is missing or the order belongs to another customer, Conflict `customer_not_active`.
    """
    subject, text = subject.strip(), text.strip()
    if not subject or len(subject) > 200:
        raise Invalid(_("A subject has 1 to 200 characters."), code="invalid", field="subject")
    _check_text(text)
    if priority not in TicketPriority.values:
        raise Invalid(_("Not one of the choices."), code="invalid_choice", field="priority")
    if order is not None and order.customer_id != customer.pk:
        raise Invalid(_("This order belongs to another customer."), code="wrong_customer", field="order")
    to_customer = not from_customer and not internal
    with transaction.atomic():
        require_active(customer.pk)
        ticket = Ticket.objects.create(
            status=TicketStatus.PENDING if to_customer else TicketStatus.OPEN,
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
        message = TicketMessage.objects.create(
            ticket=ticket,
            author_kind=MessageAuthor.CUSTOMER if from_customer else MessageAuthor.STAFF,
            author_id=None if from_customer else actor.user_id,
            text=text,
            internal=internal,
            delivery=ReplyDelivery.QUEUED if to_customer else ReplyDelivery.NONE,
        )
        emit(
            events.TICKET_OPENED,
            subject_id=customer.pk,
            payload={
                "ticket": ticket.pk,
                "number": ticket.number,
                "subject": subject,
                "origin": origin,
                "message": message.pk,
                "to_customer": to_customer,
            },
            actor=actor,
        )
    return ticket


def reply_to_ticket(
    *,
    ticket: Ticket,
    text: str,
    actor: Actor,
    internal: bool = False,
    from_customer: bool = False,
    seen: int | None = None,
) -> TicketMessage:
    """Add a public reply or an internal note.

    A customer's reply opens a resolved ticket again; a closed one refuses it.

    A public reply by staff is sent to the customer, and the ticket then waits for the customer (TICKET_REPLIED). `seen`
    is the last message that the writer had on screen: Conflict `newer_message` is raised when another person has
    written since. The writer's draft is deleted. In an internal ticket every reply is a note.
    """
    _check_text(text.strip())
    with transaction.atomic():
        locked = lock_row(Ticket.objects.filter(pk=ticket.pk))
        internal = internal or locked.internal
        if from_customer:
            require_active(locked.customer_id)
        if locked.status == TicketStatus.CLOSED and not internal:
            raise Conflict(_("This ticket is closed. Open a new one."), code="ticket_closed")
        if seen is not None and not internal:
            _check_newer(locked, seen, actor)
        to_customer = not (from_customer or internal)
        message = TicketMessage.objects.create(
            ticket=locked,
            author_kind=MessageAuthor.CUSTOMER if from_customer else MessageAuthor.STAFF,
            author_id=None if from_customer else actor.user_id,
            text=text.strip(),
            internal=internal,
            delivery=ReplyDelivery.QUEUED if to_customer else ReplyDelivery.NONE,
        )
        if from_customer:
            if locked.status == TicketStatus.RESOLVED:
                _announce_reopened(locked, actor, "customer")
            if locked.status != TicketStatus.OPEN:
                # Messages that the customer adds before our answer do not restart the waiting time.
                locked.waiting_since = Now()  # type: ignore[assignment]
            locked.status, locked.resolved_at = TicketStatus.OPEN, None
        elif to_customer and locked.status in {TicketStatus.OPEN, TicketStatus.PENDING}:
            locked.status = TicketStatus.PENDING
            locked.waiting_since = Now()  # type: ignore[assignment]
        _touch(locked, "status", "waiting_since", "resolved_at")
        if not from_customer and actor.user_id is not None:
            TicketDraft.objects.filter(ticket=locked, user_id=actor.user_id).delete()
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


def carry_over_message(
    *,
    customer: Customer,
    reference: str,
    subject: str,
    status: str,
    opened_at: datetime,
    text: str,
    from_customer: bool,
    internal: bool,
    sent_at: datetime,
) -> bool:
    """Add a message to a ticket of another system; the first message creates the ticket. Returns whether it was new.

    The ticket is history: it emits no event and asks for no rating. `reference` names the source and the number there;
    the state is that of the latest message. Raises Conflict `wrong_customer` when the ticket belongs to another
    customer, and `customer_not_active`.
    """
    _check_text(text.strip())
    require_transaction()
    require_active(customer.pk)
    internal = internal and not from_customer
    ticket = lock_first(Ticket.objects.filter(origin=TicketOrigin.IMPORT, origin_ref=reference))
    if ticket is None:
        ticket = Ticket.objects.create(
            customer=customer,
            subject=subject.strip()[:200],
            origin=TicketOrigin.IMPORT,
            origin_ref=reference,
            created_at=opened_at,
        )
        ticket.refresh_from_db()
    if ticket.customer_id != customer.pk:
        raise Conflict(_("This ticket belongs to another customer."), code="wrong_customer", field="number")
    author = MessageAuthor.CUSTOMER if from_customer else MessageAuthor.STAFF
    message = {"author_kind": author, "text": text.strip(), "created_at": sent_at, "internal": internal}
    if ticket.messages.filter(**message).exists():
        return False
    TicketMessage.objects.create(ticket=ticket, **message)
    if not ticket.messages.filter(created_at__gt=sent_at).exists():
        resolved = status in {TicketStatus.RESOLVED, TicketStatus.CLOSED}
        Ticket.objects.filter(pk=ticket.pk).update(
            status=status,
            updated_at=sent_at,
            waiting_since=sent_at,
            resolved_at=sent_at if resolved else None,
        )
    return True


def save_draft(*, ticket: Ticket, user: User, text: str) -> TicketDraft | None:
    """Save the text that a person has written so far; an empty text deletes the draft."""
    if not text.strip():
        TicketDraft.objects.filter(ticket=ticket, user=user).delete()
        return None
    if len(text) > LONGEST or "\x00" in text:
        raise _wrong_text()
    draft, _created = TicketDraft.objects.update_or_create(
        ticket=ticket, user=user, defaults={"text": text, "saved_at": Now()}
    )
    draft.refresh_from_db()
    return draft


def record_delivery(*, message: TicketMessage, delivery: ReplyDelivery) -> None:
    """Record the progress of a reply for the app that sends it. The caller holds the message's lock."""
    require_transaction()
    TicketMessage.objects.filter(pk=message.pk).update(delivery=delivery)


def assign_ticket(*, ticket: Ticket, assignee: User | None, actor: Actor) -> Ticket:
    """Assign a ticket to a member of staff, or to no one."""
    with transaction.atomic():
        locked = lock_row(Ticket.objects.filter(pk=ticket.pk))
        locked.assignee = assignee
        _touch(locked, "assignee")
    return locked


def prioritise_ticket(*, ticket: Ticket, priority: int, actor: Actor) -> Ticket:
    """Set the priority of a ticket. Raises Invalid `invalid_choice`."""
    if priority not in TicketPriority.values:
        raise Invalid(_("Not one of the choices."), code="invalid_choice", field="priority")
    with transaction.atomic():
        locked = lock_row(Ticket.objects.filter(pk=ticket.pk))
        locked.priority = priority
        _touch(locked, "priority")
    return locked


def resolve_ticket(*, ticket: Ticket, actor: Actor) -> Ticket:
    """Resolve a ticket and emit the event that triggers the rating request. Its token is valid once per resolution."""
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


def reopen_ticket(*, ticket: Ticket, actor: Actor) -> Ticket:
    """Open a resolved ticket again; it then waits for staff. A closed ticket raises Conflict `ticket_closed`."""
    with transaction.atomic():
        locked = lock_row(Ticket.objects.filter(pk=ticket.pk))
        if locked.status == TicketStatus.CLOSED:
            raise Conflict(_("This ticket is closed. Open a new one."), code="ticket_closed")
        if locked.status != TicketStatus.RESOLVED:
            return locked
        locked.status, locked.resolved_at = TicketStatus.OPEN, None
        locked.waiting_since = Now()  # type: ignore[assignment]
        _touch(locked, "status", "resolved_at", "waiting_since")
        _announce_reopened(locked, actor, "staff")
    return locked


def close_ticket(*, ticket: Ticket, actor: Actor) -> Ticket:
    """Close a ticket. Idempotent."""
    with transaction.atomic():
        locked = lock_row(Ticket.objects.filter(pk=ticket.pk))
        locked.status = TicketStatus.CLOSED
        _touch(locked, "status")
    return locked


def rating_token(ticket: Ticket) -> str:
    """Return the token of the signed link that is sent after a resolution."""
    return signing.dumps([ticket.pk, ticket.resolution_count], salt=RATING_SALT)


def read_rating_token(token: str) -> tuple[Ticket, int]:
    """Return the ticket and resolution of a link. Raises Invalid when it is forged or older than 30 days."""
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


def _announce_reopened(ticket: Ticket, actor: Actor, by: str) -> None:
    emit(
        events.TICKET_REOPENED,
        subject_id=ticket.customer_id,
        payload={"ticket": ticket.pk, "number": ticket.number, "by": by},
        actor=actor,
    )


def _check_newer(ticket: Ticket, seen: int, actor: Actor) -> None:
    """Raise Conflict `newer_message` when another person wrote after the message that was seen last."""
    newer = ticket.messages.filter(pk__gt=seen).exclude(author_kind=MessageAuthor.STAFF, author=actor.user_id).count()
    if newer:
        raise Conflict(
            _("Someone else has written since you opened this ticket."), code="newer_message", field="text", count=newer
        )


def _check_text(text: str) -> None:
    if not text or len(text) > LONGEST or "\x00" in text:
        raise _wrong_text()


def _wrong_text() -> Invalid:
    return Invalid(_("A message has 1 to 10,000 characters."), code="invalid", field="text")


def _touch(ticket: Ticket, *fields: str) -> None:
    ticket.updated_at = Now()  # type: ignore[assignment]
    ticket.save(update_fields=[*fields, "updated_at"])
    ticket.refresh_from_db()
