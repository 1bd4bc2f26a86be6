"""Test the words on a broadcast that is being sent: how many messages wait, why, and until when."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from analytics.segments.services.segments import create_segment
from campaigns.broadcasts.models import Broadcast
from campaigns.broadcasts.services.broadcasts import create_broadcast
from campaigns.messages.services.messages import queue_message
from core.base.actor import SYSTEM
from core.security.roles import Role
from tests.campaigns.pages import PART, settled

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("open_policy")]


@pytest.fixture
def sending(template):
    segment = create_segment(name="All", rule={"op": "and", "children": []}, actor=SYSTEM)
    row = create_broadcast(name="Sale", segment=segment, template=template, actor=SYSTEM)
    Broadcast.objects.filter(pk=row.pk).update(state="sending", starts_at=timezone.now(), prepared_at=timezone.now())
    row.refresh_from_db()
    return row


@pytest.fixture
def queued(sending, template, make_customer):
    def make(state: str = "queued", **fields):
        message = queue_message(customer=make_customer(), template=template, origin=sending.origin, occurrence="once")
        return settled(message, state, **fields)

    return make


def waits(client, broadcast) -> list[tuple[str, int, bool]]:
    page = client.get(reverse("broadcast", args=[broadcast.pk]))
    return [(row.label, row.count, bool(row.until)) for row in page.context["waits"]]


def test_each_reason_has_its_count_and_its_end(as_role, sending, queued):
    later = timezone.now() + timedelta(hours=3)
    for _ in range(3):
        queued("held", reason="quiet_hours", due_at=later)
    queued(due_at=later)
    queued(due_at=timezone.now() - timedelta(seconds=5))
    queued(due_at=later, attempts=1)
    queued("sending")
    queued("sent", sent_at=timezone.now())
    client = as_role(Role.MARKETER)
    assert waits(client, sending) == [
        ("Quiet hours", 3, True), ("Next in line", 2, True), ("Being handed over", 1, False),
        ("The provider did not accept it and is asked again", 1, True),
    ]  # fmt: skip
    assert "7 messages wait" in client.get(reverse("broadcast", args=[sending.pk])).content.decode()
    Broadcast.objects.filter(pk=sending.pk).update(per_minute=5)
    assert ("Limit per minute", 1, True) in waits(client, sending)
    Broadcast.objects.filter(pk=sending.pk).update(
        customer_zone=True, send_on=timezone.localdate(), send_time=timezone.now().time()
    )
    assert ("Until the hour in the customer's time zone", 1, True) in waits(client, sending)


def test_nothing_waits_when_all_is_sent(as_role, sending, queued):
    queued("sent", sent_at=timezone.now())
    assert waits(as_role(Role.MARKETER), sending) == []


def test_once_sending_has_begun_no_audience_is_previewed(as_role, sending, queued):
    """The gate would call each message a duplicate of itself: "0 would be sent, 774 already sent"."""
    Broadcast.objects.filter(pk=sending.pk).update(prepared_at=None)
    queued()
    client = as_role(Role.MARKETER)
    page = client.get(reverse("broadcast", args=[sending.pk])).content.decode()
    assert "Would be sent" not in page
    assert reverse("broadcast_preview", args=[sending.pk]) not in page
    part = client.get(reverse("broadcast_preview", args=[sending.pk]), headers=PART)
    assert (part.status_code, part.headers["HX-Refresh"]) == (204, "true")
    whole = client.get(reverse("broadcast_preview", args=[sending.pk]))
    assert whole.url == reverse("broadcast", args=[sending.pk])
