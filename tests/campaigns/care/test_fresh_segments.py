"""Test that campaigns wait for a segment that is not computed yet; nothing is lost and no false zero is shown."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from analytics.features.services.features import refresh_everything
from analytics.segments import tasks as analytics_tasks
from analytics.segments.models import Segment
from analytics.segments.services.runs import compute_segments
from analytics.segments.services.segments import create_segment, update_segment
from campaigns.broadcasts.models import Broadcast
from campaigns.broadcasts.services.broadcasts import create_broadcast, preview_broadcast, schedule_broadcast
from campaigns.broadcasts.services.runs import run_broadcasts
from campaigns.care.services.care import activate_care_rule, create_care_rule, preview_audience
from campaigns.care.services.runs import run_care_rule
from campaigns.experiments.services.experiments import Arm, create_experiment
from campaigns.journeys import tasks
from campaigns.journeys.models import JourneyRun
from campaigns.journeys.services.entries import awaited_segments, enter_due
from campaigns.journeys.services.journeys import publish_journey, save_draft
from campaigns.journeys.services.presets import draft_from_preset
from campaigns.journeys.services.trials import Entering, try_journey
from campaigns.messages.models import Message
from campaigns.templates.services.templates import Text, save_template
from core.base.actor import SYSTEM
from core.base.errors import Conflict
from core.security.roles import Role
from tests.campaigns.conftest import policy

EVERYONE = {"op": "and", "children": [{"condition": "last_order", "operator": "before", "days": 90}]}


@pytest.fixture
def template(store):
    return save_template(name="Hello", channel="inbox", actor=SYSTEM, texts=[Text("en", "Hello", "Hi")])


@pytest.fixture
def lapsed(store, program, make_customer, make_order):
    """Create three customers whose last order is 100 days old, and one who bought yesterday."""
    store.language = "en"
    store.save()
    customers = [make_customer() for _ in range(3)]
    for customer in customers:
        make_order(customer, days_ago=100)
    make_order(make_customer(), days_ago=1)
    refresh_everything()
    return customers


@pytest.fixture
def sent(monkeypatch):
    """Collect the tasks that were queued, instead of using a broker."""
    queued: list[tuple[str, tuple]] = []
    monkeypatch.setattr(
        "celery.current_app.send_task", lambda name, args=(), **_options: queued.append((name, tuple(args)))
    )
    return queued


@pytest.mark.django_db(transaction=True)
def test_a_new_segment_is_queued_for_computing_from_every_creator(store, sent):
    segment = create_segment(name="Made", rule=EVERYONE, actor=SYSTEM)
    assert sent == [("analytics.compute_segment", (segment.pk,))]
    analytics_tasks.compute_segment.apply(args=[segment.pk])
    update_segment(segment=segment, name="Renamed", actor=SYSTEM)
    assert len(sent) == 1, "a new name changes no member"
    update_segment(segment=segment, rule={**EVERYONE, "op": "or"}, actor=SYSTEM)
    assert len(sent) == 2
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        create_segment(name="Undone", rule=EVERYONE, actor=SYSTEM)
        raise ZeroDivisionError
    assert len(sent) == 2, "what was rolled back is not computed"


@pytest.mark.django_db(transaction=True)
def test_a_ready_made_journey_enters_the_members_of_its_segment(store, lapsed, sent):
    journey = draft_from_preset(code="winback", store=store, actor=SYSTEM)
    save_draft(journey=journey, draft={**journey.draft, "holdout": 0}, actor=SYSTEM)
    journey.refresh_from_db()
    assert journey.draft["entry"]["members"] is True
    segment = Segment.objects.get(pk=journey.draft["entry"]["segment"])
    assert sent == [("analytics.compute_segment", (segment.pk,))]

    publish_journey(journey=journey, actor=SYSTEM)
    tasks.enter_journeys()
    tasks.advance_journeys()
    journey.refresh_from_db()
    assert (JourneyRun.objects.count(), journey.members_after) == (0, 0), "its segment is not computed: they wait"
    assert awaited_segments() == [segment.pk]

    for name, args in [item for item in sent if item[0] == "analytics.compute_segment"]:
        assert name == analytics_tasks.compute_segment.name
        analytics_tasks.compute_segment(*args)
    tasks.advance_journeys()
    journey.refresh_from_db()
    assert sorted(JourneyRun.objects.values_list("customer_id", flat=True)) == [customer.pk for customer in lapsed]
    assert (journey.members_after, awaited_segments()) == (None, [])
    tasks.advance_journeys()
    tasks.enter_journeys()
    assert JourneyRun.objects.count() == 3


@pytest.mark.django_db(transaction=True)
def test_a_lost_computation_is_queued_again_and_a_failed_one_is_not(store, lapsed, sent, monkeypatch):
    journey = draft_from_preset(code="sunset", store=store, actor=SYSTEM)
    publish_journey(journey=journey, actor=SYSTEM)
    segment = journey.draft["entry"]["segment"]
    sent.clear()
    from django.core.cache import cache

    cache.clear()
    tasks.advance_journeys()
    assert sent == [("analytics.compute_segment", (segment,))]
    Segment.objects.update(error="division by zero")
    sent.clear()
    cache.clear()
    tasks.advance_journeys()
    assert sent == [], "the hourly run tries a failed one again"


@pytest.mark.django_db
@pytest.mark.parametrize("code", ["near_tier", "tier_at_risk", "winback", "sunset"])
def test_ready_made_journeys_on_a_segment_start_with_its_members(store, program, code):
    assert draft_from_preset(code=code, store=store, actor=SYSTEM).draft["entry"]["members"] is True


@pytest.mark.django_db
def test_the_trial_uses_the_rule_to_say_who_would_enter(store, lapsed, make_customer):
    journey = draft_from_preset(code="winback", store=store, actor=SYSTEM)
    inside, outside = lapsed[0], make_customer()
    assert try_journey(journey=journey, customer=inside).entering is Entering.YES, "not computed: the rule decides"
    assert try_journey(journey=journey, customer=outside).entering is Entering.NOT_IN_SEGMENT
    compute_segments()
    assert try_journey(journey=journey, customer=inside).entering is Entering.YES
    save_draft(
        journey=journey, draft={**journey.draft, "entry": {**journey.draft["entry"], "members": False}}, actor=SYSTEM
    )
    journey.refresh_from_db()
    assert try_journey(journey=journey, customer=inside).entering is Entering.INSIDE_ALREADY
    assert try_journey(journey=journey, customer=outside).entering is Entering.NOT_IN_SEGMENT


@pytest.mark.django_db
def test_publishing_says_how_many_members_enter(store, lapsed, as_admin):
    journey = draft_from_preset(code="winback", store=store, actor=SYSTEM)
    address = reverse("journey_edit", args=[journey.pk])
    assert "is being computed" in as_admin.get(address).content.decode()
    compute_segments()
    assert "has 3 customers now. They enter within a minute." in as_admin.get(address).content.decode()
    page = as_admin.post(reverse("journey_publish", args=[journey.pk]), follow=True).content.decode()
    assert "has 3 customers now. They enter within a minute." in page
    enter_due()
    assert "They enter within a minute" not in as_admin.get(reverse("journey", args=[journey.pk])).content.decode()
    journey.refresh_from_db()
    entry = {**journey.draft["entry"], "members": False}
    save_draft(journey=journey, draft={**journey.draft, "entry": entry}, actor=SYSTEM)
    assert "They do not enter" in as_admin.get(address).content.decode()


@pytest.mark.django_db
def test_a_timetable_waits_for_its_segment(store, lapsed, make_customer):
    from campaigns.journeys.services.journeys import create_journey

    segment = create_segment(name="Away", rule=EVERYONE, actor=SYSTEM)
    entry = {"kind": "schedule", "every": "day", "time": "00:00", "segment": segment.pk}
    steps = [{"id": "t", "kind": "tag", "action": "add", "tag": "x"}]
    journey = create_journey(name="Daily", draft={"entry": entry, "steps": steps}, actor=SYSTEM)
    publish_journey(journey=journey, actor=SYSTEM)
    tomorrow = timezone.now() + timezone.timedelta(days=1)
    assert enter_due(now=tomorrow) == {}
    journey.refresh_from_db()
    assert (journey.looked_at, awaited_segments()) == (None, [segment.pk])
    compute_segments()
    assert enter_due(now=tomorrow) == {journey.pk: 3}


@pytest.mark.django_db
def test_a_broadcast_waits_for_its_segment(store, lapsed, template, sent):
    policy(cap_per_day=0, cap_per_week=0, quiet_from="00:00", quiet_until="00:00")
    segment = create_segment(name="Away", rule=EVERYONE, actor=SYSTEM)
    broadcast = create_broadcast(name="Back", segment=segment, template=template, actor=SYSTEM)
    with pytest.raises(Conflict) as refused:
        preview_broadcast(broadcast)
    assert (refused.value.code, refused.value.field) == ("segment_not_computed", "segment")
    schedule_broadcast(broadcast=broadcast, actor=SYSTEM)
    assert run_broadcasts()["made"] == 0
    broadcast.refresh_from_db()
    assert (broadcast.state, broadcast.prepared_at, broadcast.audience_count) == ("sending", None, 0)
    compute_segments()
    assert preview_broadcast(broadcast).total == 3
    assert run_broadcasts()["made"] == 3
    assert Broadcast.objects.get().audience_count == 3


@pytest.mark.django_db
def test_a_care_rule_waits_for_its_segment(store, lapsed, template):
    segment = create_segment(name="Away", rule=EVERYONE, actor=SYSTEM)
    rule = create_care_rule(name="Back", trigger="no_order", days=90, template=template, segment=segment, actor=SYSTEM)
    with pytest.raises(Conflict) as refused:
        preview_audience(rule)
    assert refused.value.code == "segment_not_computed"
    activate_care_rule(rule=rule, actor=SYSTEM)
    assert run_care_rule(rule_id=rule.pk) == 0
    rule.refresh_from_db()
    assert (rule.last_run_at, Message.objects.count()) == (None, 0)
    compute_segments()
    assert preview_audience(rule).total == 3
    assert run_care_rule(rule_id=rule.pk) == 3


@pytest.mark.django_db
def test_an_experiment_is_not_planned_on_a_segment_without_members_yet(store, lapsed):
    from campaigns.experiments.services.experiments import start_experiment

    segment = create_segment(name="Away", rule=EVERYONE, actor=SYSTEM)
    experiment = create_experiment(
        name="Price", actor=SYSTEM, scope="storefront", metric="ordered", window_days=7, effect=Decimal("0.02"),
        error_percent=5, power_percent=80, any_time=False, segment=segment, arms=[Arm("A"), Arm("B")],
    )  # fmt: skip
    with pytest.raises(Conflict) as refused:
        start_experiment(experiment=experiment, actor=SYSTEM)
    assert refused.value.code == "segment_not_computed"
    experiment.refresh_from_db()
    assert (experiment.state, experiment.planned_count) == ("draft", None)


@pytest.fixture
def as_admin(client, staff):
    client.force_login(staff(Role.ADMINISTRATOR))
    return client
