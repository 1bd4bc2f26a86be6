"""Test broadcasts in the console: editing, preview, start, progress, commands; query counts of the list."""

from __future__ import annotations

import pytest
from django.urls import reverse

from analytics.segments.services.segments import create_segment
from campaigns.broadcasts.models import Broadcast
from campaigns.broadcasts.services.broadcasts import create_broadcast, preview_broadcast
from campaigns.broadcasts.services.runs import run_broadcasts
from campaigns.messages.models import Message
from campaigns.messages.services import messages
from core.base.actor import SYSTEM
from tests.campaigns.pages import PART, consented
from tests.segments import put_in

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("open_policy")]


@pytest.fixture
def segment(store):
    return create_segment(name="VIP", rule={"op": "and", "children": []}, actor=SYSTEM)


@pytest.fixture
def broadcast(template, segment):
    return create_broadcast(name="Spring", segment=segment, template=template, actor=SYSTEM)


def join(customer, segment):
    put_in(segment, customer)


def test_a_new_broadcast_is_described_in_words(marketer, template, segment):
    data = {"name": "Spring", "segment": segment.pk, "template": template.pk, "send_on": "2031-03-01",
            "send_time": "09:30", "customer_zone": "on", "per_minute": "500", "holdout_percent": "10"}  # fmt: skip
    response = marketer.post(reverse("broadcast_new"), data)
    broadcast = Broadcast.objects.get()
    assert response.url == reverse("broadcast", args=[broadcast.pk])
    assert (broadcast.state, broadcast.per_minute, broadcast.holdout_percent) == ("draft", 500, 10)
    page = marketer.get(reverse("broadcasts")).content.decode()
    assert "Mar 1, 2031 at 09:30, in each customer&#x27;s time zone, at most 500 per minute" in page


def test_a_refusal_is_shown_at_its_field(marketer, template, segment):
    data = {"name": "Spring", "segment": segment.pk, "template": template.pk, "send_on": "2031-03-01",
            "holdout_percent": "0"}  # fmt: skip
    response = marketer.post(reverse("broadcast_new"), data)
    assert response.context["form"].errors == {"send_time": ["Enter both the date and the time."]}
    assert not Broadcast.objects.exists()


def test_from_preview_to_done(marketer, broadcast, segment, make_customer, mailoutbox):
    for number in range(5):
        customer = make_customer(f"C{number}", email=f"c{number}@example.com" if number < 4 else "")
        join(customer, segment)
        if number < 3:
            consented(customer)
    part = marketer.get(reverse("broadcast_preview", args=[broadcast.pk]), headers=PART)
    assert part.context["preview"] == preview_broadcast(broadcast)
    text = part.content.decode()
    assert "5 customers are in the segment now." in text
    assert "“Spring” goes out now: 3 customers get it, 2 do not." in text
    assert "<html" in marketer.get(reverse("broadcast_preview", args=[broadcast.pk])).content.decode()
    marketer.post(reverse("broadcast_schedule", args=[broadcast.pk]))
    run_broadcasts()
    marketer.post(reverse("broadcast_pause", args=[broadcast.pk]))
    messages.send_due()
    assert mailoutbox == []
    marketer.post(reverse("broadcast_resume", args=[broadcast.pk]))
    run_broadcasts()
    messages.send_due()
    assert len(mailoutbox) == 3
    counts = reverse("broadcast_counts", args=[broadcast.pk])
    part = marketer.get(counts, {"state": "sending"}, headers=PART).content.decode()
    assert "5 of 5 decided" in part
    assert "every 3s" in part
    run_broadcasts()
    assert marketer.get(counts, {"state": "sending"}, headers=PART).headers["HX-Refresh"] == "true"
    again = marketer.get(reverse("broadcast_preview", args=[broadcast.pk]), follow=True)
    assert (again.status_code, len(again.context["reasons"])) == (200, 2), (
        "its outcomes, and nothing to be counted before"
    )
    page = marketer.get(reverse("broadcast", args=[broadcast.pk]))
    assert "every 3s" not in page.content.decode()
    reasons = {row.label: (row.count, row.url) for row in page.context["reasons"]}
    assert {label: count for label, (count, _url) in reasons.items()} == {
        "No consent": 1, "No address on this channel": 1,
    }  # fmt: skip
    rows = marketer.get(reasons["No consent"][1]).context["rows"]
    assert [row.message.customer.name for row in rows] == ["C3"]


def test_stopping_names_its_effect_in_numbers(marketer, broadcast, segment, make_customer):
    for _ in range(2):
        join(make_customer(), segment)
    marketer.post(reverse("broadcast_schedule", args=[broadcast.pk]))
    run_broadcasts()
    page = marketer.get(reverse("broadcast", args=[broadcast.pk]))
    assert page.context["stop_text"] == "2 waiting messages will never be sent. This can't be undone."
    marketer.post(reverse("broadcast_stop", args=[broadcast.pk]))
    run_broadcasts()
    assert set(Message.objects.values_list("state", "reason")) == {("suppressed", "stopped")}


def test_a_schedule_is_undone_and_a_running_broadcast_is_not(marketer, broadcast):
    Broadcast.objects.update(send_on="2031-01-01", send_time="10:00")
    marketer.post(reverse("broadcast_schedule", args=[broadcast.pk]))
    marketer.post(reverse("broadcast_unschedule", args=[broadcast.pk]))
    broadcast.refresh_from_db()
    assert broadcast.state == "draft"
    marketer.post(reverse("broadcast_stop", args=[broadcast.pk]))
    broadcast.refresh_from_db()
    assert broadcast.state == "draft"


def test_the_list_costs_the_same_for_one_row_and_many(
    marketer, broadcast, segment, template, django_assert_max_num_queries
):
    address = reverse("broadcasts")
    marketer.get(address)
    with django_assert_max_num_queries(20) as before:
        marketer.get(address)
    for number in range(8):
        create_broadcast(name=f"B{number}", segment=segment, template=template, actor=SYSTEM)
    with django_assert_max_num_queries(len(before.captured_queries)):
        marketer.get(address)
