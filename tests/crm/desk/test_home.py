"""Figures of the home page of service: queues with their ages, what waits for me, ratings by agent."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from core.base.actor import SYSTEM
from core.console import kept
from core.security.roles import Role
from crm.desk import selectors
from crm.desk.models import Ticket, TicketRating
from crm.desk.services import assign_ticket, open_ticket

pytestmark = pytest.mark.django_db


@pytest.fixture
def now():
    return timezone.now()


@pytest.fixture
def make_ticket(make_customer):
    def make(subject: str, *, assignee=None, **columns) -> Ticket:
        ticket = open_ticket(customer=make_customer(), subject=subject, text="Hello", actor=SYSTEM)
        if assignee:
            assign_ticket(ticket=ticket, assignee=assignee, actor=SYSTEM)
        Ticket.objects.filter(pk=ticket.pk).update(**columns)
        ticket.refresh_from_db()
        return ticket

    return make


def test_each_queue_has_its_count_its_oldest_and_its_urgent_tickets(staff, make_ticket, now):
    """Given two open tickets, one of them mine and urgent, one that waits for the customer, and one resolved."""
    me = staff(Role.AGENT)
    old, older = now - timedelta(hours=2), now - timedelta(hours=5)
    make_ticket("Mine", assignee=me, priority=4, waiting_since=old)
    make_ticket("Free", waiting_since=older)
    make_ticket("Asked", assignee=me, status="pending", waiting_since=older)
    make_ticket("Over", status="resolved", waiting_since=now - timedelta(days=9))
    ages = selectors.ages(me)
    assert {name: (row.count, row.urgent, row.oldest) for name, row in ages.items()} == {
        "mine": (2, 1, older),
        "unassigned": (1, 0, older),
        "answer": (2, 1, older),
        "open": (3, 1, older),
        "waiting": (1, 0, older),
    }


def test_waiting_for_me_are_my_open_tickets_urgent_first(client, staff, make_ticket, now):
    me, other = staff(Role.AGENT, "me"), staff(Role.AGENT, "other")
    make_ticket("Later", assignee=me, waiting_since=now - timedelta(hours=1))
    make_ticket("First", assignee=me, waiting_since=now - timedelta(hours=2))
    make_ticket("Urgent", assignee=me, priority=4, waiting_since=now)
    make_ticket("Not mine", assignee=other)
    make_ticket("Answered", assignee=me, status="pending")
    assert [ticket.subject for ticket in selectors.waiting_for(me, 6)] == ["Urgent", "First", "Later"]
    client.force_login(me)
    page = client.get("/").content.decode()
    mine = page[page.index('id="panel-mine"') :]
    assert mine.index("Urgent") < mine.index("First") < mine.index("Later")
    assert "Not mine" not in mine


def test_ratings_are_counted_by_agent_and_an_agent_sees_only_their_own(client, staff, make_ticket, now):
    anna, ben, lead = staff(Role.AGENT, "anna"), staff(Role.AGENT, "ben"), staff(Role.LEAD, "lead")
    for agent, scores in ((anna, (5, 4, 2)), (ben, (1,))):
        for score in scores:
            TicketRating.objects.create(ticket=make_ticket("T", assignee=agent), resolution=1, score=score)
    TicketRating.objects.create(ticket=make_ticket("Old", assignee=ben), resolution=1, score=5)
    TicketRating.objects.filter(ticket__subject="Old").update(answered_at=now - timedelta(days=31))
    TicketRating.objects.create(ticket=make_ticket("Free"), resolution=1, score=5)
    assert selectors.ratings_by_agent() == [
        {"agent": anna.pk, "name": "anna", "count": 3, "total": 11, "low": 1},
        {"agent": ben.pk, "name": "ben", "count": 1, "total": 1, "low": 1},
    ]
    kept.keep(["crm.ratings"])

    def ratings(user) -> str:
        client.force_login(user)
        page = client.get("/").content.decode()
        return page[page.index('id="panel-ratings"') :]

    assert "3.7" in ratings(anna)
    assert "ben" not in ratings(anna)
    page = ratings(lead)
    assert "anna" in page
    assert "ben" in page


def test_the_queue_opens_the_tickets(client, staff, make_ticket):
    make_ticket("Free")
    client.force_login(staff(Role.LEAD))
    page = client.get("/").content.decode()
    assert f'href="{reverse("tickets")}?state=unassigned">1</a>' in page
