"""Test the explanations of why a customer got nothing: decisions, missing messages, and the gate's answer now (J1)."""

from __future__ import annotations

import pytest
from django.urls import reverse
from django.utils import timezone

from analytics.segments.models import Segment
from analytics.segments.services.segments import create_segment
from campaigns.broadcasts.models import Broadcast, BroadcastState
from campaigns.broadcasts.services.broadcasts import create_broadcast, schedule_broadcast
from campaigns.broadcasts.services.runs import run_broadcasts
from campaigns.care.models import CareRule, CareState
from campaigns.care.services.care import activate_care_rule
from campaigns.journeys.models import Journey, JourneyRun, JourneyState
from campaigns.journeys.services.engine import advance_due
from campaigns.journeys.services.entries import enter_by_call, enter_due
from campaigns.journeys.services.journeys import (
    create_journey,
    pause_journey,
    publish_journey,
    save_draft,
    stop_journey,
)
from campaigns.messages.models import Message
from campaigns.messages.services import messages
from campaigns.reports.services import NoMessage, why
from core.base.actor import SYSTEM
from core.security.roles import Role
from tests.campaigns.pages import consented
from tests.segments import put_in

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("open_policy")]


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
    put_in(segment)
    CareRule.objects.update(segment=segment)
    rule.refresh_from_db()
    assert why(customer=customer, campaign=rule).cause is NoMessage.NOT_IN_SEGMENT


def test_held_out_customers_are_reported_as_such(broadcast, make_customer):
    Broadcast.objects.update(holdout_percent=90)
    broadcast.refresh_from_db()
    people = [make_customer(email=f"p{n}@example.com") for n in range(12)]
    reasons = {why(customer=person, campaign=broadcast).now for person in people}
    assert "holdout" in reasons
    assert not Message.objects.exists(), "asking writes nothing"


def test_the_page_explains_the_decision(as_role, broadcast, make_customer):
    customer = make_customer("Ada", email="a@example.com")
    client = as_role(Role.AGENT)
    address = reverse("why", args=[customer.number])
    assert "Choose a campaign" in client.get(address).content.decode()
    page = client.get(address, {"campaign": broadcast.origin}).content.decode()
    assert "“Spring” has not started yet, so no customer has got it." in page
    assert "The customer has not consented to marketing on this channel" in page
    assert reverse("broadcast", args=[broadcast.pk]) not in page, "an agent may not open it"
    for odd in ("broadcast:999999", "care:x", "nothing", "broadcast:²"):
        assert client.get(address, {"campaign": odd}).status_code == 200
    assert (
        reverse("why", args=[customer.number])
        in client.get(reverse("customer", args=[customer.number]), {"tab": "messages"}).content.decode()
    )


STEPS = [{"id": "w", "kind": "wait", "amount": 3, "unit": "days"}]


@pytest.fixture
def journey(template):
    segment = create_segment(name="Lapsed", rule={"op": "and", "children": []}, actor=SYSTEM)
    entry = {"kind": "segment", "segment": segment.pk, "members": False}
    steps = [*STEPS, {"id": "m", "kind": "message", "template": str(template.pk)}]
    return create_journey(name="Back", draft={"entry": entry, "steps": steps}, actor=SYSTEM)


def test_a_journey_in_every_state_of_its_own_and_of_the_run(journey, make_customer):
    customer, other = make_customer(email="a@example.com"), make_customer(email="b@example.com")
    consented(customer)
    segment = Segment.objects.get()

    def cause(person=customer):
        journey.refresh_from_db()
        return why(customer=person, campaign=journey).cause

    assert cause() is NoMessage.NOT_PUBLISHED
    publish_journey(journey=journey, actor=SYSTEM)
    assert cause() is NoMessage.SEGMENT_NOT_COMPUTED
    put_in(segment)
    assert cause() is NoMessage.NOT_IN_SEGMENT
    put_in(segment, customer)
    assert cause() is NoMessage.INSIDE_BEFORE
    save_draft(
        journey=journey, draft={**journey.draft, "entry": {**journey.draft["entry"], "members": True}}, actor=SYSTEM
    )
    publish_journey(journey=journey, actor=SYSTEM)
    assert cause() is NoMessage.NOT_ENTERED
    enter_due()
    assert cause() is NoMessage.RUN_UNDER_WAY
    pause_journey(journey=journey, actor=SYSTEM)
    assert (cause(), cause(other)) == (NoMessage.RUN_UNDER_WAY, NoMessage.JOURNEY_PAUSED)
    stop_journey(journey=journey, actor=SYSTEM)
    assert (cause(), cause(other)) == (NoMessage.RUN_ENDED, NoMessage.JOURNEY_STOPPED)
    JourneyRun.objects.update(state="held_out", ended_at=None, end_reason="")
    assert cause() is NoMessage.RUN_HELD_OUT
    assert why(customer=customer, campaign=journey).now == "holdout"
    JourneyRun.objects.update(state="active")
    assert why(customer=customer, campaign=journey).now == ""
    assert why(customer=other, campaign=journey).now == "no_consent"
    assert not Message.objects.exists(), "asking writes nothing"


def test_a_journey_that_has_sent_shows_its_messages(journey, make_customer):
    customer = make_customer(email="a@example.com")
    put_in(Segment.objects.get(), customer)
    draft = {**journey.draft, "steps": journey.draft["steps"][1:]}
    save_draft(journey=journey, draft={**draft, "entry": {**draft["entry"], "members": True}}, actor=SYSTEM)
    publish_journey(journey=journey, actor=SYSTEM)
    enter_due()
    advance_due()
    messages.send_due()
    answer = why(customer=customer, campaign=Journey.objects.get())
    assert [message.reason for message in answer.messages] == ["no_consent"]
    assert (answer.cause, answer.now, answer.run.state) == (None, "no_consent", "ended")


def test_a_journey_without_a_message_has_no_decision_of_the_gate(make_customer, store):
    journey = create_journey(name="Tags", draft={"entry": {"kind": "api"}, "steps": STEPS}, actor=SYSTEM)
    assert why(customer=make_customer(), campaign=journey).now is None


@pytest.mark.parametrize("state", BroadcastState.values)
def test_the_page_answers_for_broadcasts_in_every_state(as_role, broadcast, make_customer, state):
    customer = make_customer()
    Broadcast.objects.update(state=state, starts_at=None if state == "draft" else timezone.now())
    page = as_role(Role.MARKETER).get(reverse("why", args=[customer.number]), {"campaign": broadcast.origin})
    assert page.status_code == 200
    expected = {
        "draft": NoMessage.NOT_STARTED, "stopped": NoMessage.STOPPED,
        **dict.fromkeys(("scheduled", "sending", "paused", "done"), NoMessage.SEGMENT_NOT_COMPUTED),
    }  # fmt: skip
    assert page.context["answer"].cause is expected[state]
    assert page.context["cause"] in page.content.decode().replace("&#x27;", "'")


@pytest.mark.parametrize("state", CareState.values)
@pytest.mark.parametrize("trigger", ["birthday", "after_purchase", "no_order", "segment_entered", "points_expiring"])
def test_the_page_answers_for_care_rules_of_every_kind_and_state(as_role, rule, make_customer, state, trigger):
    segment = create_segment(name="VIP", rule={"op": "and", "children": []}, actor=SYSTEM)
    put_in(segment)
    CareRule.objects.update(
        state=state, trigger=trigger, segment=segment, activated_at=None if state == "draft" else timezone.now()
    )
    page = as_role(Role.MARKETER).get(reverse("why", args=[make_customer().number]), {"campaign": f"care:{rule.pk}"})
    assert page.status_code == 200
    not_in = NoMessage.NOT_MATCHED if trigger == "segment_entered" else NoMessage.NOT_IN_SEGMENT
    assert page.context["answer"].cause is (not_in if state == "active" else NoMessage.RULE_NOT_ACTIVE)


@pytest.mark.parametrize("state", JourneyState.values)
def test_the_page_answers_for_journeys_in_every_state(as_role, journey, make_customer, state):
    customer = make_customer()
    publish_journey(journey=journey, actor=SYSTEM)
    Journey.objects.update(state=state)
    client = as_role(Role.MARKETER)
    page = client.get(reverse("why", args=[customer.number]), {"campaign": f"journey:{journey.pk}"})
    assert page.status_code == 200
    assert page.context["cause"] in page.content.decode().replace("&#x27;", "'")
    assert reverse("journey", args=[journey.pk]) in page.content.decode()


def test_a_journey_is_explained_by_step_with_branches_and_the_gates_reasons(as_role, template, make_customer, store):
    # given a journey that branches, sends, and waits
    rule = {"op": "and", "children": [{"condition": "order_count", "operator": "gte", "value": 1}]}
    letter = {"id": "m", "kind": "message", "template": str(template.pk)}
    steps = [
        {"id": "b", "kind": "branch", "rule": rule, "note": "Has bought?", "arms": {"yes": [], "no": [letter]}},
        {**STEPS[0], "note": "Three days"},
    ]
    journey = create_journey(name="Welcome", draft={"entry": {"kind": "api"}, "steps": steps}, actor=SYSTEM)
    publish_journey(journey=journey, actor=SYSTEM)
    journey.refresh_from_db()
    customer = make_customer(email="a@example.com")
    enter_by_call(journey=journey, customer=customer, key="1")
    advance_due()
    messages.send_due()
    client = as_role(Role.AGENT)
    address = f"{reverse('why', args=[customer.number])}?campaign=journey:{journey.pk}"
    # when
    path = client.get(address).context["path"]
    # then
    assert [(stop.label, str(stop.outcome)) for stop in path.stops] == [("Has bought?", "No"), ("Message", "")]
    assert (path.stops[1].badge.label, path.stops[1].badge.reason) == ("Not sent", "No consent")
    assert path.sentence.startswith("At the step “Three days” since ")
    page = client.get(address).content.decode()
    assert path.sentence in page
    assert reverse("message", args=[Message.objects.get().pk]) in page
    # and when the journey is stopped, the page says where and why the customer left
    stop_journey(journey=journey, actor=SYSTEM)
    path = client.get(address).context["path"]
    assert path.sentence.startswith("Left before the step “Three days” at ")
    assert path.sentence.endswith(": The journey was stopped.")
    assert (path.now.label, path.end) == ("Three days", "The journey was stopped")
