"""The desk: roles, and opening, answering, assigning, resolving, closing and rating a ticket."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.core import signing
from django.urls import reverse
from django.utils import timezone, translation

from campaigns.transactional.services.surveys import ask_satisfaction
from core.base.actor import SYSTEM
from core.base.errors import Conflict, Invalid
from core.events.models import DomainEvent
from core.security.roles import Role
from crm.desk import selectors
from crm.desk import services as tickets
from crm.desk.models import Ticket, TicketMessage, TicketPriority, TicketRating, TicketStatus
from crm.desk.services import close_ticket, open_ticket, rate_ticket, rating_token, reply_to_ticket, resolve_ticket

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


def post(client, name: str, ticket: Ticket, **data):
    return client.post(reverse(name, args=[ticket.number]), data)


def test_a_ticket_is_opened_from_the_customer_page(desk, agent, make_customer, make_order):
    customer, other = make_customer("Anna Berg"), make_customer("Someone")
    own, _foreign = make_order(customer, number="A-1"), make_order(other, number="B-1")
    link = f"{reverse('ticket_new')}?customer={customer.number}"
    assert link in desk.get(reverse("customer", args=[customer.number])).content.decode()
    page = desk.get(link).content.decode()
    assert "Anna Berg" in page
    assert "A-1" in page
    assert "B-1" not in page
    data = {
        "customer": customer.number,
        "subject": "Broken cup",
        "text": "The cup is broken.",
        "from_customer": "on",
        "priority": "3",
        "order": own.pk,
    }
    response = desk.post(reverse("ticket_new"), data)
    ticket = Ticket.objects.get()
    assert response.url == reverse("ticket", args=[ticket.number])
    assert (ticket.customer, ticket.subject, ticket.priority, ticket.order, ticket.assignee) == (
        customer,
        "Broken cup",
        TicketPriority.HIGH,
        own,
        agent,
    )
    assert list(ticket.messages.values_list("author_kind", "text")) == [("customer", "The cup is broken.")]


def test_wrong_input_opens_nothing(desk, make_customer):
    page = desk.post(reverse("ticket_new"), {"customer": "999", "subject": "", "text": "x", "priority": "2"})
    text = page.content.decode()
    assert "There is no customer with this number." in text
    assert "This field is required." in text
    assert Ticket.objects.count() == 0


def test_a_reply_is_public_and_a_note_is_visibly_internal(desk, agent, ticket):
    post(desk, "ticket_reply", ticket, text="Ask the carrier first.", internal="yes")
    assert Ticket.objects.get().status == TicketStatus.OPEN
    post(desk, "ticket_reply", ticket, text="We are looking for it.")
    assert Ticket.objects.get().status == TicketStatus.PENDING
    assert list(TicketMessage.objects.order_by("pk").values_list("author_id", "internal", "text")) == [
        (None, False, "It has not come."),
        (agent.pk, True, "Ask the carrier first."),
        (agent.pk, False, "We are looking for it."),
    ]
    page = desk.get(reverse("ticket", args=[ticket.number])).content.decode()
    assert page.count("talk-note") == 1
    assert page.count('class="talk-item talk-staff"') == 1
    assert page.count('class="talk-item talk-customer"') == 1


def test_an_empty_reply_is_refused(desk, ticket):
    response = post(desk, "ticket_reply", ticket, text="  ")
    assert response.status_code == 400
    assert "A message has 1 to 10,000 characters." in response.content.decode()
    assert ticket.messages.count() == 1


def test_assigning_to_me_to_another_and_unassigning(desk, agent, staff, ticket):
    lead, marketer = staff(Role.LEAD), staff(Role.MARKETER)
    assert set(selectors.assignees()) == {agent, lead}
    post(desk, "ticket_assign", ticket, assignee=agent.pk)
    assert Ticket.objects.get().assignee == agent
    post(desk, "ticket_assign", ticket, assignee=lead.pk)
    assert Ticket.objects.get().assignee == lead
    for wrong in (marketer.pk, "x", 10**30):
        assert post(desk, "ticket_assign", ticket, assignee=wrong).status_code == 404
    assert Ticket.objects.get().assignee == lead
    post(desk, "ticket_assign", ticket, assignee="")
    assert Ticket.objects.get().assignee is None


def test_priority_is_one_of_four(desk, ticket):
    post(desk, "ticket_priority", ticket, priority="4")
    assert Ticket.objects.get().priority == TicketPriority.URGENT
    for wrong in ("9", "", "x"):
        post(desk, "ticket_priority", ticket, priority=wrong)
    assert Ticket.objects.get().priority == TicketPriority.URGENT


def test_resolving_and_closing(desk, ticket):
    post(desk, "ticket_resolve", ticket)
    ticket.refresh_from_db()
    assert (ticket.status, ticket.resolution_count) == (TicketStatus.RESOLVED, 1)
    post(desk, "ticket_close", ticket)
    post(desk, "ticket_reply", ticket, text="Too late")
    ticket.refresh_from_db()
    assert (ticket.status, ticket.messages.count()) == (TicketStatus.CLOSED, 1)
    page = desk.get(reverse("ticket", args=[ticket.number])).content.decode()
    assert "the customer gets no more replies" in page


def test_views_sort_by_urgency_and_waiting_time(agent, make_customer):
    customer = make_customer()
    old, new = make_ticket(customer, "old"), make_ticket(customer, "new")
    urgent = make_ticket(customer, "urgent", priority=TicketPriority.URGENT)
    mine = make_ticket(customer, "mine", assignee=agent)
    waiting = make_ticket(customer, "waiting")
    reply_to_ticket(ticket=waiting, text="?", actor=SYSTEM)
    resolved, closed = make_ticket(customer, "resolved"), make_ticket(customer, "closed")
    resolve_ticket(ticket=resolved, actor=SYSTEM)
    close_ticket(ticket=closed, actor=SYSTEM)

    def held(name: str) -> list[str]:
        return [found.subject for found in selectors.page(name, agent, None)]

    # All tickets of one transaction have the same now(), so the number decides.
    assert held("open") == ["urgent", "old", "new", "mine", "waiting"]
    assert held("answer") == ["urgent", "old", "new", "mine"]
    assert held("mine") == ["mine"]
    assert held("unassigned") == ["urgent", "old", "new", "waiting"]
    assert held("waiting") == ["waiting"]
    assert held("resolved") == ["resolved"]
    assert held("closed") == ["closed"]
    assert held("all") == ["closed", "resolved", "waiting", "mine", "urgent", "new", "old"]
    assert selectors.counts(agent) == {"mine": 1, "unassigned": 4, "answer": 4, "open": 5, "waiting": 1}
    assert {old.status, new.status, urgent.status, mine.status} == {TicketStatus.OPEN}


def test_the_home_figure_opens_the_list_that_has_that_number(desk, make_customer):
    # given two tickets that wait for us, one of them assigned to another agent, and one that waits for the customer
    customer = make_customer()
    for subject in ("First", "Second"):
        make_ticket(customer, subject)
    answered = make_ticket(customer, "Answered")
    reply_to_ticket(ticket=answered, text="We look into it.", actor=SYSTEM)

    # when the figure on the home page is followed
    home = desk.get("/").content.decode()
    card = re.search(r'To be answered</p>\s*<p class="stat-value"><a href="([^"]+)">(\d+)</a>', home)
    assert card
    rows = desk.get(card[1]).content.decode()

    # then it is the list of those two
    assert card[2] == "2"
    assert [subject in rows for subject in ("First", "Second", "Answered")] == [True, True, False]


def test_pages_follow_each_other_without_gap_or_repeat(agent, make_customer):
    customer = make_customer()
    made = []
    for position in range(7):
        ticket = make_ticket(customer, str(position), priority=1 + position % 2)
        Ticket.objects.filter(pk=ticket.pk).update(updated_at=timezone.now() - timedelta(minutes=position // 2))
        made.append(ticket)
    for view, whole in (("open", selectors.page("open", agent, None, 99).items), ("resolved", None)):
        if view == "resolved":
            Ticket.objects.update(status=TicketStatus.RESOLVED)
            whole = selectors.page("resolved", agent, None, 99).items
        seen, cursor = [], None
        while True:
            page = selectors.page(view, agent, cursor, 2)
            seen += page.items
            cursor = page.next
            if not cursor:
                break
        assert seen == whole
        assert len(seen) == 7
    for damaged in ("x", "bnVsbA", "WzEsMiwzXQ"):
        assert len(selectors.page("resolved", agent, damaged, 99)) == 7


@pytest.mark.parametrize(
    ("role", "sees", "answers"),
    [
        (Role.AGENT, True, True),
        (Role.LEAD, True, True),
        (Role.MARKETER, False, False),
        (Role.ANALYST, True, False),
        (Role.ADMINISTRATOR, True, True),
    ],
)
def test_roles_that_see_the_desk_and_roles_that_answer(role, sees, answers, client, staff, ticket):
    client.force_login(staff(role))
    assert client.get(reverse("tickets")).status_code == (200 if sees else 403)
    shown = client.get(reverse("ticket", args=[ticket.number]))
    assert shown.status_code == (200 if sees else 403)
    assert ("desk-reply" in shown.content.decode()) == answers
    assert client.get(reverse("ticket_new")).status_code == (200 if answers else 403)
    commands = {"reply": {"text": "x"}, "assign": {}, "priority": {"priority": "3"}, "resolve": {}, "close": {}}
    for command, data in commands.items():
        response = post(client, f"ticket_{command}", ticket, **data)
        assert response.status_code == (302 if answers else 403)
    ticket.refresh_from_db()
    assert (ticket.status == TicketStatus.CLOSED) == answers
    assert ticket.messages.count() == (2 if answers else 1)


def test_an_unknown_ticket_is_404(desk):
    assert desk.get(reverse("ticket", args=["T0"])).status_code == 404


# The satisfaction page


@pytest.fixture
def link(ticket) -> str:
    resolved = resolve_ticket(ticket=ticket, actor=SYSTEM)
    return reverse("rate", args=[rating_token(resolved)])


def test_the_customer_rates_once_without_signing_in(client, link, ticket):
    page = client.get(link)
    text = page.content.decode()
    assert text.count('type="radio"') == 5
    assert "Where is my parcel" in text
    assert "Test Shop" in text
    assert "sidebar" not in text
    assert "no-store" in page["Cache-Control"]

    thanks = client.post(link, {"score": "4", "comment": " Quick. "})
    assert "Thank you!" in thanks.content.decode()
    rating = TicketRating.objects.get()
    assert (rating.ticket, rating.resolution, rating.score, rating.comment) == (ticket, 1, 4, "Quick.")
    event = DomainEvent.objects.get(kind="crm.ticket_rated")
    assert (event.subject_id, event.actor) == (ticket.customer_id, f"member:{ticket.customer_id}")

    for again in (client.get(link), client.post(link, {"score": "1"})):
        assert "You have answered already" in again.content.decode()
    assert TicketRating.objects.get().score == 4


def test_a_second_resolution_asks_again(client, link, ticket):
    client.post(link, {"score": "2"})
    reply_to_ticket(ticket=ticket, text="Still not here.", actor=SYSTEM, from_customer=True)
    again = resolve_ticket(ticket=ticket, actor=SYSTEM)
    client.post(reverse("rate", args=[rating_token(again)]), {"score": "5"})
    assert list(TicketRating.objects.order_by("resolution").values_list("resolution", "score")) == [(1, 2), (2, 5)]


@pytest.mark.parametrize("score", ["", "0", "6", "x"])
def test_an_invalid_score_is_asked_for_again(client, link, score):
    page = client.post(link, {"score": score, "comment": "Kept"}).content.decode()
    assert "field-error" in page
    assert "Kept" in page
    assert TicketRating.objects.count() == 0


def test_a_forged_or_old_link_is_reported_and_records_nothing(client, link, monkeypatch):
    forged = client.post(reverse("rate", args=["nonsense"]), {"score": "5"})
    assert (forged.status_code, "This link is not valid." in forged.content.decode()) == (410, True)
    monkeypatch.setattr(signing.time, "time", lambda: timezone.now().timestamp() + 31 * 86400)
    old = client.post(link, {"score": "5"})
    assert (old.status_code, "This link has expired." in old.content.decode()) == (410, True)
    assert TicketRating.objects.count() == 0


def test_the_page_uses_the_customers_language(client, link):
    # The language that the middleware activates stays active in this thread and would affect the next test.
    with translation.override("en"):
        page = client.get(link, headers={"accept-language": "zh-CN,zh;q=0.9"}).content.decode()
    assert 'lang="zh-hans"' in page
    assert "非常满意" in page


def unchanged(ticket: Ticket) -> tuple:
    ticket.refresh_from_db()
    return ticket.status, ticket.messages.count(), TicketRating.objects.count(), DomainEvent.objects.count()


def test_a_closed_ticket_takes_notes_but_no_replies(ticket):
    # given
    close_ticket(ticket=ticket, actor=SYSTEM)
    before = unchanged(ticket)
    # when, then
    for from_customer in (False, True):
        with pytest.raises(Conflict) as refused:
            reply_to_ticket(ticket=ticket, text="And now?", actor=SYSTEM, from_customer=from_customer)
        assert refused.value.code == "ticket_closed"
    assert unchanged(ticket) == before
    reply_to_ticket(ticket=ticket, text="For us", actor=SYSTEM, internal=True)
    assert ticket.messages.filter(internal=True).count() == 1


def test_a_resolution_is_rated_once(ticket):
    resolve_ticket(ticket=ticket, actor=SYSTEM)
    ticket.refresh_from_db()
    token = rating_token(ticket)
    rate_ticket(token=token, score=5, actor=SYSTEM)
    before = unchanged(ticket)
    with pytest.raises(Conflict) as refused:
        rate_ticket(token=token, score=1, actor=SYSTEM)
    assert (refused.value.code, unchanged(ticket)) == ("already_rated", before)
    assert TicketRating.objects.get().score == 5


def test_a_forged_and_an_old_rating_link_have_different_errors(ticket, monkeypatch):
    token = rating_token(ticket)
    with pytest.raises(Invalid) as refused:
        rate_ticket(token=token[:-2] + "xx", score=5, actor=SYSTEM)
    assert refused.value.code == "link_invalid"
    monkeypatch.setattr(tickets, "RATING_LIFE", timedelta(seconds=-1))
    with pytest.raises(Invalid) as refused:
        rate_ticket(token=token, score=5, actor=SYSTEM)
    assert refused.value.code == "link_expired"
    assert TicketRating.objects.count() == 0


def test_an_unknown_ticket_and_an_unknown_order_of_a_ticket(api, make_customer):
    answer = api.get("/api/v1/tickets/T999")
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (404, "unknown_ticket")
    body = {"customer": make_customer().number, "subject": "S", "text": "T", "order": "NONE"}
    answer = api.post("/api/v1/tickets", body, format="json")
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (400, "unknown_order")
    assert Ticket.objects.count() == 0


def test_an_internal_ticket_is_visible_only_to_staff(desk, ticket, make_customer, api):
    # given a task that the customer must not see
    task = make_ticket(make_customer("Ben"), "Call them, very angry", internal=True, from_customer=False)
    # when staff open it, answer without choosing a note, and resolve it
    page = desk.get(reverse("ticket", args=[task.number])).content.decode()
    post(desk, "ticket_reply", task, text="Called, no answer.")
    post(desk, "ticket_resolve", task)
    # then every message is a note, no rating is requested, and the API does not return it to the customer
    assert 'name="internal"' in page
    assert "Reply</button>" not in page
    assert [message.internal for message in task.messages.all()] == [True, True]
    task.refresh_from_db()
    assert task.status == "resolved"
    assert not DomainEvent.objects.filter(kind="crm.ticket_replied").exists()
    assert ask_satisfaction(ticket_id=task.pk, resolution=1) is None
    assert api.get(f"/api/v1/tickets/{task.number}").status_code == 404
    assert [row["number"] for row in api.get("/api/v1/tickets").json()["results"]] == [ticket.number]


class TestList:
    """The list of tickets: tabs, search, filters, and actions on the chosen rows."""

    @pytest.fixture
    def tickets(self, agent, make_customer) -> dict[str, Ticket]:
        anna, ben = make_customer("Anna Berg"), make_customer("Ben Cole")
        rows = [
            make_ticket(anna, "Parcel lost", priority=TicketPriority.HIGH),
            make_ticket(anna, "Wrong size", assignee=agent),
            make_ticket(ben, "Parcel late", priority=TicketPriority.URGENT, assignee=agent),
            make_ticket(ben, "Thanks"),
        ]
        resolve_ticket(ticket=rows[3], actor=SYSTEM)
        return {row.subject: row for row in rows}

    @staticmethod
    def subjects(client, **query) -> list[str]:
        page = client.get(reverse("tickets"), query)
        return [row.row.item.subject for row in page.context["list"].rows]

    def test_the_first_tab_is_mine_and_queues_show_their_numbers(self, desk, staff, tickets):
        page = desk.get(reverse("tickets"))
        assert [row.row.item.subject for row in page.context["list"].rows] == ["Parcel late", "Wrong size"]
        assert [(str(tab.label), tab.count, tab.here) for tab in page.context["list"].tabs] == [
            ("Mine", "2", True), ("Unassigned", "1", False), ("To be answered", "3", False), ("All open", "3", False),
            ("Waiting for customer", "0", False), ("Resolved", "", False), ("Closed", "", False), ("All", "", False),
        ]  # fmt: skip
        # and an analyst, who answers no tickets, sees all open ones first
        desk.force_login(staff(Role.ANALYST))
        page = desk.get(reverse("tickets"))
        tabs = page.context["list"].tabs
        assert [(str(tab.label), tab.count) for tab in tabs[:2]] == [("All open", "3"), ("Unassigned", "1")]
        assert page.context["list"].bulk == []

    def test_search_by_number_subject_and_customer(self, desk, tickets):
        number = tickets["Wrong size"].number
        assert self.subjects(desk, state="all", q="parcel") == ["Parcel late", "Parcel lost"]
        assert self.subjects(desk, state="all", q=number) == ["Wrong size"]
        assert self.subjects(desk, state="all", q="ben cole") == ["Thanks", "Parcel late"]
        assert self.subjects(desk, state="all", q="cole parcel") == ["Parcel late"]

    def test_filters_and_order(self, desk, agent, tickets):
        assert self.subjects(desk, state="open", assignee="none") == ["Parcel lost"]
        assert self.subjects(desk, state="open", assignee=str(agent.pk)) == ["Parcel late", "Wrong size"]
        assert self.subjects(desk, state="open", priority="high") == ["Parcel late", "Parcel lost"]
        assert self.subjects(desk, state="open", priority="2") == ["Wrong size"]
        assert self.subjects(desk, state="open", sort="priority") == ["Wrong size", "Parcel lost", "Parcel late"]
        assert self.subjects(desk, state="open", sort="-customer")[0] == "Parcel late"
        assert self.subjects(desk, state="open", assignee="nonsense", priority="9") == [
            "Parcel late", "Parcel lost", "Wrong size",
        ]  # fmt: skip

    def test_a_draft_is_marked(self, desk, tickets):
        desk.post(reverse("ticket_draft", args=[tickets["Wrong size"].number]), {"text": "Dear"})
        page = desk.get(reverse("tickets")).content.decode()
        assert page.count('<span class="badge tone-warn">Draft</span>') == 1

    def test_chosen_tickets_are_assigned_prioritised_resolved_and_closed(self, desk, agent, staff, tickets):
        lead = staff(Role.LEAD, "lead")
        chosen = [tickets["Parcel lost"].pk, tickets["Parcel late"].pk]

        def act(do: str, **values):
            return desk.post(reverse("list_bulk", args=["tickets"]), {"row": chosen, "do": do, **values}, follow=True)

        assert "2 tickets are assigned to lead." in act("assign", assign=str(lead.pk)).content.decode()
        assert set(Ticket.objects.filter(assignee=lead).values_list("pk", flat=True)) == set(chosen)
        assert "2 tickets have no assignee now." in act("assign", assign="none").content.decode()
        assert Ticket.objects.filter(assignee=None).count() == 3
        act("assign", assign="me")
        assert Ticket.objects.filter(assignee=agent).count() == 3
        assert "The priority of 2 tickets is changed." in act("priority", priority="1").content.decode()
        assert set(Ticket.objects.filter(pk__in=chosen).values_list("priority", flat=True)) == {1}
        assert "2 tickets are resolved." in act("resolve").content.decode()
        assert DomainEvent.objects.filter(kind="crm.ticket_resolved").count() == 3
        assert "2 tickets are closed." in act("close").content.decode()
        assert Ticket.objects.filter(status="closed").count() == 2

    def test_a_wrong_assignee_a_wrong_priority_and_a_reader_change_nothing(self, desk, staff, tickets):
        marketer = staff(Role.MARKETER)
        before = list(Ticket.objects.order_by("pk").values())
        rows = {"row": [row.pk for row in tickets.values()]}
        url = reverse("list_bulk", args=["tickets"])
        for wrong in (str(marketer.pk), "x", ""):
            answer = desk.post(url, {**rows, "do": "assign", "assign": wrong}, headers={"X-Stay": "yes"})
            assert "Choose a person who answers tickets." in answer.content.decode()
        desk.post(url, {**rows, "do": "priority", "priority": "9"})
        desk.force_login(staff(Role.ANALYST))
        assert desk.post(url, {**rows, "do": "close"}).status_code == 403
        assert list(Ticket.objects.order_by("pk").values()) == before

    def test_an_export_needs_its_permission(self, desk, staff, tickets):
        url = reverse("list_export", args=["tickets"])
        assert desk.get(url).status_code == 403
        desk.force_login(staff(Role.LEAD))
        lines = b"".join(desk.get(url, {"state": "resolved"}).streaming_content).decode().splitlines()
        assert len(lines) == 2
        assert lines[1].startswith("Thanks,")


class TestRatingList:
    def test_ratings_are_listed_by_agent_score_and_period(self, desk, agent, make_customer):
        # given three ratings, one of them low and one old
        rated = {}
        words = {5: "Splendid", 2: "Slow", 4: "Fine"}
        for score, days, assignee in ((5, 1, agent), (2, 2, agent), (4, 40, None)):
            ticket = make_ticket(make_customer(), f"Score {score}", assignee=assignee)
            rating = TicketRating.objects.create(ticket=ticket, resolution=1, score=score, comment=words[score])
            rating.answered_at = timezone.now() - timedelta(days=days)
            rating.save()
            rated[score] = rating

        def scores(**query) -> list[int]:
            return [row.score for row in desk.get(reverse("ticket_ratings"), query).context["page"]]

        # then tabs, filters and search narrow them
        assert scores() == [5, 2, 4]
        assert scores(state="low") == [2]
        assert scores(state="high") == [5, 4]
        assert scores(agent=str(agent.pk)) == [5, 2]
        assert scores(days="30", state="high") == [5]
        assert scores(days="31") == [5, 2, 4]
        assert scores(q="fine") == [4]
        assert scores(sort="score") == [2, 4, 5]
