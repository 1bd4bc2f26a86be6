"""Replies to tickets: drafts, newer messages, reopening, and the order of the queue."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from core.base.actor import SYSTEM, Actor, of_user
from core.base.errors import Conflict, Invalid
from core.events.models import DomainEvent
from core.security.roles import Role
from crm.desk import selectors
from crm.desk.models import Ticket, TicketDraft, TicketMessage, TicketStatus
from crm.desk.services import (
    assign_ticket,
    close_ticket,
    open_ticket,
    reopen_ticket,
    reply_to_ticket,
    resolve_ticket,
    save_draft,
)
from tests.threads import storm

pytestmark = pytest.mark.django_db


@pytest.fixture
def agent(staff):
    return staff(Role.AGENT, "agent")


@pytest.fixture
def desk(client, agent):
    client.force_login(agent)
    return client


@pytest.fixture
def ticket(make_customer):
    return make_ticket(make_customer("Anna Berg"))


def make_ticket(customer, subject: str = "Where is my parcel", **changes) -> Ticket:
    return open_ticket(customer=customer, subject=subject, text="It has not come.", actor=SYSTEM, **changes)


def member(ticket: Ticket) -> Actor:
    return Actor("member", ticket.customer_id)


def aged(ticket: Ticket, **ago) -> Ticket:
    Ticket.objects.filter(pk=ticket.pk).update(waiting_since=timezone.now() - timedelta(**ago))
    return Ticket.objects.get(pk=ticket.pk)


def test_a_draft_is_each_persons_own_and_is_there_after_resolving(desk, agent, staff, ticket):
    # given a half-written reply
    url = reverse("ticket_draft", args=[ticket.number])
    assert desk.post(url, {"text": "Dear Anna, your par"}).json()["saved"]
    page = reverse("ticket", args=[ticket.number])

    # when the ticket is left and resolved, then only its writer has the draft, which is marked in the list
    desk.post(reverse("ticket_resolve", args=[ticket.number]))
    assert "Dear Anna, your par</textarea>" in desk.get(page).content.decode()
    assert "Draft" in desk.get(reverse("tickets"), {"state": "resolved"}).content.decode()
    desk.force_login(staff(Role.LEAD))
    assert "Dear Anna" not in desk.get(page).content.decode()

    # when the draft is sent or emptied, then it is deleted
    desk.force_login(agent)
    desk.post(reverse("ticket_reply", args=[ticket.number]), {"text": "Dear Anna, your parcel is here."})
    assert TicketDraft.objects.count() == 0
    save_draft(ticket=ticket, user=agent, text="x")
    assert desk.post(url, {"text": " "}).json() == {"saved": ""}
    assert TicketDraft.objects.count() == 0
    with pytest.raises(Invalid) as refused:
        save_draft(ticket=ticket, user=agent, text="x" * 10_001)
    assert (refused.value.field, TicketDraft.objects.count()) == ("text", 0)


def test_a_reply_is_refused_after_a_newer_message_and_the_text_is_kept(desk, agent, ticket):
    # given a page that the agent has open, and a newer message of the customer
    seen = ticket.messages.get().pk
    reply_to_ticket(ticket=ticket, text="It has just come!", actor=member(ticket), from_customer=True)
    data = {"text": "We are looking for it.", "seen": seen}

    # when the agent replies
    page = desk.post(reverse("ticket_reply", args=[ticket.number]), data)

    # then nothing is sent: the new message is shown, the text is kept, and it can be sent anyway
    text = page.content.decode()
    assert page.status_code == 409
    for words in ("It has just come!", "We are looking for it.</textarea>", "Send anyway"):
        assert words in text
    assert TicketMessage.objects.count() == 2
    assert TicketDraft.objects.get().text == "We are looking for it."

    # a note is never refused, one's own messages do not count as newer, and "anyway" sends
    assert desk.post(reverse("ticket_reply", args=[ticket.number]), {**data, "internal": "yes"}).status_code == 302
    assert desk.post(reverse("ticket_reply", args=[ticket.number]), {**data, "anyway": "yes"}).status_code == 302
    newest = TicketMessage.objects.filter(internal=False, author_kind="customer").latest("pk").pk
    assert desk.post(reverse("ticket_reply", args=[ticket.number]), {**data, "seen": newest}).status_code == 302
    assert TicketMessage.objects.filter(author=agent, internal=False).count() == 2
    assert TicketDraft.objects.count() == 0


def test_a_refused_reply_to_a_closed_ticket_keeps_its_text(desk, ticket):
    close_ticket(ticket=ticket, actor=SYSTEM)
    page = desk.post(reverse("ticket_reply", args=[ticket.number]), {"text": "Too late"})
    assert (page.status_code, "Too late</textarea>" in page.content.decode()) == (409, True)
    assert ticket.messages.count() == 1


def test_a_resolved_ticket_opens_again_by_staff_and_by_the_customer(desk, ticket):
    # given a resolved ticket, when staff open it again
    resolve_ticket(ticket=ticket, actor=SYSTEM)
    assert (
        reverse("ticket_reopen", args=[ticket.number])
        in desk.get(reverse("ticket", args=[ticket.number])).content.decode()
    )
    desk.post(reverse("ticket_reopen", args=[ticket.number]))
    reopened = Ticket.objects.get()
    assert (reopened.status, reopened.resolved_at, reopened.resolution_count) == (TicketStatus.OPEN, None, 1)

    # when it is resolved and the customer replies, then it is open, and each reopening has an event
    resolve_ticket(ticket=ticket, actor=SYSTEM)
    reply_to_ticket(ticket=ticket, text="Not yet!", actor=member(ticket), from_customer=True)
    reopened.refresh_from_db()
    assert (reopened.status, reopened.resolved_at) == (TicketStatus.OPEN, None)
    events = DomainEvent.objects.filter(kind="crm.ticket_reopened").order_by("pk")
    assert [event.payload["by"] for event in events] == ["staff", "customer"]

    # an open ticket stays unchanged, a closed one is refused
    reopen_ticket(ticket=ticket, actor=SYSTEM)
    assert events.count() == 2
    close_ticket(ticket=ticket, actor=SYSTEM)
    with pytest.raises(Conflict) as conflict:
        reopen_ticket(ticket=ticket, actor=SYSTEM)
    assert (conflict.value.code, Ticket.objects.get().status) == ("ticket_closed", TicketStatus.CLOSED)


def test_the_queue_starts_with_tickets_that_wait_for_us_longest(agent, make_customer):
    # given tickets that wait for the customer for five days, for us for an hour, and for us for three days
    answered = make_ticket(make_customer(), "answered")
    reply_to_ticket(ticket=answered, text="Which one?", actor=of_user(agent))
    aged(answered, days=5)
    fresh, old = aged(make_ticket(make_customer(), "fresh"), hours=1), aged(make_ticket(make_customer(), "old"), days=3)
    urgent = aged(make_ticket(make_customer(), "urgent", priority=4), minutes=1)

    # then tickets that wait for us come first, led by the urgent one, and the answered one is last
    names = [ticket.subject for ticket in selectors.page("open", agent, None)]
    assert names == ["urgent", "old", "fresh", "answered"]

    # and the same in pages of one
    walked, cursor = [], None
    while True:
        page = selectors.page("open", agent, cursor, 1)
        walked += [ticket.subject for ticket in page]
        cursor = page.next
        if cursor is None:
            break
    assert walked == names
    assert {urgent.subject, old.subject, fresh.subject} < set(names)


def test_only_messages_visible_to_the_customer_change_the_waiting_time(agent, ticket):
    # given a customer who has waited for two hours
    waiting = aged(ticket, hours=2).waiting_since

    # when there is a note, an assignment, and another message of the customer
    reply_to_ticket(ticket=ticket, text="Ask the carrier", actor=of_user(agent), internal=True)
    assign_ticket(ticket=ticket, assignee=agent, actor=of_user(agent))
    reply_to_ticket(ticket=ticket, text="Hello?", actor=member(ticket), from_customer=True)
    assert Ticket.objects.get().waiting_since == waiting

    # then only our answer ends the waiting time, and the customer's next message starts it
    reply_to_ticket(ticket=ticket, text="Tomorrow.", actor=of_user(agent))
    ours = Ticket.objects.get()
    assert (ours.status, ours.waiting_since > waiting) == (TicketStatus.PENDING, True)
    aged(ticket, hours=1)
    reply_to_ticket(ticket=ticket, text="Thanks, and the other?", actor=member(ticket), from_customer=True)
    theirs = Ticket.objects.get()
    assert (theirs.status, theirs.waiting_since >= ours.waiting_since) == (TicketStatus.OPEN, True)


def test_a_ticket_opened_by_staff_waits_for_the_customer(agent, make_customer):
    sent = make_ticket(make_customer(), from_customer=False)
    assert (sent.status, sent.messages.get().delivery) == (TicketStatus.PENDING, "queued")
    kept = make_ticket(make_customer(), from_customer=False, internal=True)
    assert (kept.status, kept.messages.get().internal, kept.messages.get().delivery) == (TicketStatus.OPEN, True, "")


@pytest.mark.django_db(transaction=True)
def test_one_of_concurrent_replies_is_sent_and_the_others_see_it(staff, ticket):
    # given four agents who have the same page open
    agents = [staff(Role.AGENT) for _number in range(4)]
    seen = ticket.messages.get().pk
    outcomes: list[str] = []

    def answer(number: int) -> None:
        try:
            reply_to_ticket(ticket=ticket, text=f"Answer {number}", actor=of_user(agents[number]), seen=seen)
            outcomes.append("sent")
        except Conflict as error:
            outcomes.append(error.code)

    # when all reply at once
    storm(4, answer)

    # then the customer gets one answer
    assert sorted(outcomes) == ["newer_message"] * 3 + ["sent"]
    assert ticket.messages.filter(author_kind="staff").count() == 1
