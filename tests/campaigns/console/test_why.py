"""Why did this customer not get it: what was decided, why nothing was made, and what the gate would say now (J1)."""

from __future__ import annotations

import pytest
from django.urls import reverse

from analytics.services.segments import create_segment
from campaigns.models import Broadcast, CareRule, Message
from campaigns.services import messages
from campaigns.services.broadcast_runs import run_broadcasts
from campaigns.services.broadcasts import create_broadcast, schedule_broadcast
from campaigns.services.care import activate_care_rule
from campaigns.services.decisions import NoMessage, why
from core.actor import SYSTEM
from core.roles import Role
from tests.campaigns.console.conftest import consented
from tests.segments import put_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def broadcast(template):
    segment = create_segment(name="VIP", rule={"op": "and", "children": []}, actor=SYSTEM)
    return create_broadcast(name="Spring", segment=segment, template=template, actor=SYSTEM)


def join(customer, broadcast):
    put_in(broadcast.segment, customer)


def test_a_broadcast_from_draft_to_decision(broadcast, make_customer):
    inside, outside, late = make_customer(email="a@example.com"), make_customer(), make_customer()
    join(inside, broadcast)
    assert why(customer=inside, campaign=broadcast).cause is NoMessage.NOT_STARTED
    schedule_broadcast(broadcast=broadcast, actor=SYSTEM)
    run_broadcasts()
    messages.send_due()
    broadcast.refresh_from_db()
    join(late, broadcast)
    answer = why(customer=inside, campaign=broadcast)
    assert [message.reason for message in answer.messages] == ["no_consent"]
    assert (answer.cause, answer.now) == (None, "no_consent")
    consented(inside)
    assert why(customer=inside, campaign=broadcast).now == ""
    for customer in (outside, late):
        answer = why(customer=customer, campaign=broadcast)
        assert (answer.messages, answer.cause) == ([], NoMessage.NOT_IN_SEGMENT)
        assert (answer.segment, answer.at) == (broadcast.segment, broadcast.prepared_at)
    assert why(customer=outside, campaign=broadcast).now == "no_address"


def test_a_care_rule_that_is_not_active_or_has_not_matched(rule, make_customer):
    customer = make_customer()
    assert why(customer=customer, campaign=rule).cause is NoMessage.RULE_NOT_ACTIVE
    activate_care_rule(rule=rule, actor=SYSTEM)
    rule.refresh_from_db()
    assert why(customer=customer, campaign=rule).cause is NoMessage.NOT_MATCHED
    segment = create_segment(name="VIP", rule={"op": "and", "children": []}, actor=SYSTEM)
    CareRule.objects.update(segment=segment)
    rule.refresh_from_db()
    assert why(customer=customer, campaign=rule).cause is NoMessage.NOT_IN_SEGMENT


def test_the_share_that_is_held_out_is_told_as_such(broadcast, make_customer):
    Broadcast.objects.update(holdout_percent=90)
    broadcast.refresh_from_db()
    people = [make_customer(email=f"p{n}@example.com") for n in range(12)]
    reasons = {why(customer=person, campaign=broadcast).now for person in people}
    assert "holdout" in reasons
    assert not Message.objects.exists(), "asking writes nothing"


def test_the_page_reads_it_out(as_role, broadcast, make_customer):
    customer = make_customer("Ada", email="a@example.com")
    client = as_role(Role.AGENT)
    address = reverse("why", args=[customer.number])
    assert "Choose a campaign" in client.get(address).content.decode()
    page = client.get(address, {"campaign": broadcast.origin}).content.decode()
    assert "“Spring” has not started yet, so nobody has got it." in page
    assert "The customer has not agreed to marketing on this channel" in page
    assert reverse("broadcast", args=[broadcast.pk]) not in page, "an agent may not open it"
    for odd in ("broadcast:999999", "care:x", "nothing", "broadcast:²"):
        assert client.get(address, {"campaign": odd}).status_code == 200
    assert (
        reverse("why", args=[customer.number])
        in client.get(reverse("customer", args=[customer.number])).content.decode()
    )
